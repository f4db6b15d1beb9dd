import { expect, test } from "vitest";
import { Dice } from "./upload-client.test.util.js";
import { type UploadClaims, UploadTokens } from "./upload-tokens.js";

const CLAIMS: UploadClaims = ["ref", "Album:é", "[]", "photos", 12, '["user:1",null]', 1_700_000_000_000];
const SECRET = "a secret of 32 bytes, which all have";
const NEXT = "another secret of 32 bytes, for later";

test("protocol.md 6: a token says what was signed, to whoever has the secret or had it, and to nobody else", () => {
  const tokens = new UploadTokens(SECRET);
  expect(tokens.verify(tokens.sign(CLAIMS))).toEqual(CLAIMS);
  expect(new UploadTokens([NEXT, SECRET]).verify(tokens.sign(CLAIMS))).toEqual(CLAIMS);
  expect(new UploadTokens(NEXT).verify(tokens.sign(CLAIMS))).toBeNull();
  expect(new UploadTokens().verify(new UploadTokens().sign(CLAIMS))).toBeNull();
});

test("protocol.md 6: whatever is changed of a token, it is refused, and nothing throws", () => {
  const dice = new Dice();
  const tokens = new UploadTokens(SECRET);
  const token = tokens.sign(CLAIMS);
  for (const odd of [
    "",
    ".",
    "..",
    "a.b.c",
    7,
    null,
    undefined,
    {},
    ["a"],
    `${token}.`,
    `.${token}`,
    "x".repeat(1e6),
  ]) {
    expect(tokens.verify(odd)).toBeNull();
  }
  for (let run = 0; run < 20_000; run++) {
    const at = dice.below(token.length + 1);
    const other = String.fromCharCode(33 + dice.below(94));
    const kind = dice.below(3);
    const changed = token.slice(0, at) + (kind === 0 ? "" : other) + token.slice(kind === 2 ? at : at + 1);
    if (changed !== token) expect(tokens.verify(changed), `seed ${dice.seed}: ${changed}`).toBeNull();
  }
});
