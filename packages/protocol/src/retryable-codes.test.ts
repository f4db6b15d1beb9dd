import { expect, test } from "vitest";
import { ERROR_CODES } from "./error-codes.js";
import { MusubiError } from "./musubi-error.js";
import { RETRYABLE_CODES } from "./retryable-codes.js";

test("what is retryable on its own is what the table of codes says", () => {
  const retryable = Object.entries(ERROR_CODES).filter(([, { retryable: is }]) => is);
  expect(RETRYABLE_CODES.split(" ").sort()).toEqual(retryable.map(([code]) => code).sort());
});

test("an error of a code knows whether a retry can help; an app's own code cannot", () => {
  expect(new MusubiError("overloaded", "later").retryable).toBe(true);
  expect(new MusubiError("invalid_usage", "never").retryable).toBe(false);
  expect(new MusubiError<string>("toString", "never").retryable).toBe(false);
});
