import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { type SessionAddress, SessionTokens } from "./session-tokens.js";

const DAY = 24 * 60 * 60 * 1000;
const TRIES = 20_000;
/** Set it to repeat a failure. */
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

const ADDRESS: SessionAddress = { home: "home", id: "session" };

it("a token says what was signed, for fourteen days", () => {
  let now = 5 * DAY;
  const tokens = new SessionTokens(() => now);
  const token = tokens.sign(ADDRESS);
  now += 14 * DAY - 1;
  expect(tokens.verify(token)).toEqual(ADDRESS);
  now += 1;
  expect(tokens.verify(token)).toBeNull();
});

it("a token is good for all who share the secret, and for nobody else", () => {
  const now = (): number => 0;
  const token = new SessionTokens(now, "secret").sign(ADDRESS);
  expect(new SessionTokens(now, Buffer.from("secret")).verify(token)).toEqual(ADDRESS);
  expect(new SessionTokens(now, "other").verify(token)).toBeNull();
  expect(new SessionTokens(now).verify(token)).toBeNull();
});

it("what is signed with the same secret for another purpose is no token", () => {
  const body = Buffer.from('["home","session",9e15]').toString("base64url");
  const mac = createHmac("sha256", "secret").update(body).digest("base64url");
  expect(new SessionTokens(() => 0, "secret").verify(`${body}.${mac}`)).toBeNull();
});

it(`nothing but what was signed verifies, in ${TRIES} tries (FUZZ_SEED=${SEED})`, () => {
  let state = SEED;
  // A linear congruential generator (Numerical Recipes, section 7.1) is random enough here.
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const tokens = new SessionTokens(() => 0, "secret");
  const token = tokens.sign(ADDRESS);
  const [body = "", mac = ""] = token.split(".");
  const alphabet = "ABCxyz019-_.=+/ \\u0000\\u{1F600}";
  const mutations: readonly (() => string)[] = [
    () => token.slice(0, below(token.length)),
    () => token.slice(1 + below(token.length - 1)),
    () => {
      const at = below(token.length);
      return `${token.slice(0, at)}${alphabet[below(alphabet.length)]}${token.slice(at + 1)}`;
    },
    () => {
      const at = below(token.length);
      return `${token.slice(0, at)}${alphabet[below(alphabet.length)]}${token.slice(at)}`;
    },
    () => `${Buffer.from(`["home","${below(1e9)}",${below(1e9) * 1e6}]`).toString("base64url")}.${mac}`,
    () => `${body}.${Buffer.from(String(below(2 ** 31)).padStart(32, "x")).toString("base64url")}`,
    () => Array.from({ length: below(200) }, () => alphabet[below(alphabet.length)]).join(""),
    () => [body, mac, body].slice(0, below(4)).join("."),
  ];
  for (let n = 0; n < TRIES; n++) {
    const tried = mutations[below(mutations.length)]?.() ?? "";
    if (tried !== token && tokens.verify(tried) !== null) expect.fail(`${tried} passes for ${token}`);
  }
});
