import { createHmac, randomBytes } from "node:crypto";
import { MusubiError } from "@musubi/protocol";
import { describe, expect, it } from "vitest";
import { type Secrets, TokenSigner } from "./token-signer.js";

const TRIES = 10_000;
/** Set it to repeat a failure. */
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

const OLD = "the former secret, of 32 bytes or more";
const NEW = "the current secret, of 32 bytes or more";

const CLAIMS = ["ref", "Album:é", 12, null, { deep: ["."] }];

function signer(secrets?: Secrets, purpose = "test"): TokenSigner {
  return new TokenSigner(purpose, secrets, "test.secret");
}

describe("a token", () => {
  it("says what was signed, to whoever has the secret as text or bytes, and to nobody else", () => {
    const token = signer(OLD).sign(CLAIMS);
    expect(signer(OLD).verify(token)).toEqual(CLAIMS);
    expect(signer(Buffer.from(OLD)).verify(token)).toEqual(CLAIMS);
    expect(signer(new TextEncoder().encode(OLD)).verify(token)).toEqual(CLAIMS);
    expect(signer(NEW).verify(token)).toBeUndefined();
    expect(signer().verify(token)).toBeUndefined();
    expect(signer().verify(signer().sign(CLAIMS))).toBeUndefined();
  });

  it("of one kind is none of another, nor is what else is signed with the secret", () => {
    const token = signer(OLD, "upload").sign(CLAIMS);
    for (const other of ["long-poll session", "connection session", "uploads", ""]) {
      expect(signer(OLD, other).verify(token), other).toBeUndefined();
    }
    const [body = ""] = token.split(".");
    for (const text of [body, `upload.${body}`, `musubi upload.${body}`, `musubi upload${body}`]) {
      const mac = createHmac("sha256", OLD).update(text).digest("base64url");
      expect(signer(OLD, "upload").verify(`${body}.${mac}`)).toBeUndefined();
    }
  });

  it("signed before a rotation is good after it while the former secret is listed, and no longer", () => {
    const before = signer(OLD).sign(CLAIMS);
    const rotated = signer([NEW, OLD]);
    expect(rotated.verify(before)).toEqual(CLAIMS);
    expect(signer([NEW, randomBytes(32), OLD]).verify(before)).toEqual(CLAIMS);
    expect(signer([NEW]).verify(before)).toBeUndefined();
    // The first one signs.
    const after = rotated.sign(CLAIMS);
    expect(signer(NEW).verify(after)).toEqual(CLAIMS);
    expect(signer(OLD).verify(after)).toBeUndefined();
  });

  it("is known by those who have its secret in any place: one that nobody signs with yet is taken already", () => {
    expect(signer([OLD, NEW]).verify(signer([NEW, OLD]).sign(CLAIMS))).toEqual(CLAIMS);
    expect(signer([OLD, NEW]).sign(CLAIMS)).toBe(signer(OLD).sign(CLAIMS));
  });
});

it("a token of more than 16 384 characters is not looked at", () => {
  const tokens = signer(OLD);
  const [most, more] = [12_253, 12_254].map((length) => tokens.sign("x".repeat(length)));
  expect([most?.length, more?.length]).toEqual([16_384, 16_386]);
  expect(tokens.verify(most)).toBe("x".repeat(12_253));
  expect(tokens.verify(more)).toBeUndefined();
});

describe("a secret", () => {
  it.each<[string, unknown, RegExp]>([
    ["too short", "0123456789abcdef".repeat(2).slice(1), /^test\.secret is too weak: .*32 random bytes/],
    ["too short in a list", [NEW, "short"], /too weak/],
    ["empty", "", /too weak/],
    ["of one byte, again and again", "a".repeat(100), /too weak/],
    ["of zeros", new Uint8Array(64), /too weak/],
    ["in an empty list", [], /^test\.secret is an empty list/],
    ["of a wrong type", 42, /^test\.secret is text or bytes, .* not number/],
    ["nothing", null, /not object/],
    ["missing in a list", [NEW, undefined], /not undefined/],
  ])("that is %s is refused, and not shown", (_what, secret, message) => {
    const cause = (() => {
      try {
        signer(secret as Secrets);
      } catch (thrown) {
        return thrown as MusubiError;
      }
      return undefined;
    })();
    expect(cause).toBeInstanceOf(MusubiError);
    expect(cause?.code).toBe("invalid_usage");
    expect(cause?.message).toMatch(message);
    expect(cause?.message).not.toContain(NEW);
  });

  it.each([
    ["base64", () => randomBytes(32).toString("base64")],
    ["hexadecimal digits", () => randomBytes(16).toString("hex")],
    ["bytes", () => randomBytes(32)],
    ["a UUID", () => crypto.randomUUID()],
  ])("of random %s is taken", (_what, secret) => {
    for (let n = 0; n < 1_000; n++) expect(() => signer(secret())).not.toThrow();
  });

  it("is kept as it was given", () => {
    const bytes = randomBytes(32);
    const tokens = signer(bytes);
    const token = tokens.sign(CLAIMS);
    bytes.fill(0);
    expect(tokens.verify(token)).toEqual(CLAIMS);
    expect(tokens.sign(CLAIMS)).toBe(token);
  });
});

it(`nothing but what was signed verifies, in ${TRIES} tries (FUZZ_SEED=${SEED})`, () => {
  let state = SEED;
  // A linear congruential generator (Numerical Recipes, section 7.1) is random enough here.
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const tokens = signer([NEW, OLD]);
  const token = tokens.sign(CLAIMS);
  const [body = "", mac = ""] = token.split(".");
  const alphabet = Array.from("ABCxyz019-_.=+/ \u0000\u00e9\u0141\u{1f600}");
  const some = (): string => alphabet[below(alphabet.length)] as string;
  const mutations: readonly (() => unknown)[] = [
    () => token.slice(0, below(token.length)),
    () => token.slice(1 + below(token.length - 1)),
    () => {
      const at = below(token.length);
      return token.slice(0, at) + some() + token.slice(at + 1);
    },
    () => {
      const at = below(token.length);
      return token.slice(0, at) + some() + token.slice(at);
    },
    // Characters that are the right ones but for bits that a careless decoding loses.
    () => {
      const at = below(token.length);
      return token.slice(0, at) + String.fromCodePoint(0x100 + token.charCodeAt(at)) + token.slice(at + 1);
    },
    () => `${Buffer.from(JSON.stringify([below(1e9), "Album:é", 12])).toString("base64url")}.${mac}`,
    () => `${body}.${Buffer.from(String(below(2 ** 31)).padStart(32, "x")).toString("base64url")}`,
    () => `${body}.${"\0".repeat(43)}`,
    () => `${Buffer.from(body).toString("base64url")}.${mac}`,
    () => Array.from({ length: below(200) }, some).join(""),
    () => [body, mac, body].slice(0, below(4)).join("."),
    () => token.padStart(16_384 + below(1e6), "x"),
    () => [token, 7, null, undefined, {}, [token], Buffer.from(token)][1 + below(6)],
  ];
  for (let n = 0; n < TRIES; n++) {
    const tried = mutations[below(mutations.length)]?.();
    if (tried !== token && tokens.verify(tried) !== undefined) expect.fail(`${String(tried)} passes for ${token}`);
  }
});
