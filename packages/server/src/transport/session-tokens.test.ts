import { expect, it } from "vitest";
import { UploadTokens } from "../uploads/upload-tokens.js";
import { type SessionAddress, SessionTokens } from "./session-tokens.js";

const DAY = 24 * 60 * 60 * 1000;

const ADDRESS: SessionAddress = { home: "home", id: "session" };
const SECRET = "a secret of 32 bytes, which all have";
const NEXT = "another secret of 32 bytes, for later";

it("a token says what was signed, for fourteen days", () => {
  let now = 5 * DAY;
  const tokens = new SessionTokens(() => now);
  const token = tokens.sign(ADDRESS);
  now += 14 * DAY - 1;
  expect(tokens.verify(token)).toEqual(ADDRESS);
  now += 1;
  expect(tokens.verify(token)).toBeNull();
});

it("a token is good for all who share the secret or had it, and for nobody else", () => {
  const now = (): number => 0;
  const token = new SessionTokens(now, SECRET).sign(ADDRESS);
  expect(new SessionTokens(now, Buffer.from(SECRET)).verify(token)).toEqual(ADDRESS);
  expect(new SessionTokens(now, [NEXT, SECRET]).verify(token)).toEqual(ADDRESS);
  expect(new SessionTokens(now, NEXT).verify(token)).toBeNull();
  expect(new SessionTokens(now).verify(token)).toBeNull();
});

it("tokens of uploads are none of sessions, nor the other way round, under one secret", () => {
  const [sessions, uploads] = [new SessionTokens(() => 0, SECRET), new UploadTokens(SECRET)];
  const claims = ["home", "session", "9e15", "", 0, "", 9e15] as const;
  expect(uploads.verify(uploads.sign(claims))).toEqual(claims);
  expect(sessions.verify(uploads.sign(claims))).toBeNull();
  expect(uploads.verify(sessions.sign(ADDRESS))).toBeNull();
});
