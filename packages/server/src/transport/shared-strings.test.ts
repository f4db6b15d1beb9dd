import { expect, test } from "vitest";
import { SharedStrings } from "./shared-strings.js";

test("what is shared equals what came, whatever it is", () => {
  const strings = new SharedStrings();
  const headers = {
    host: "a.example",
    cookie: "c".repeat(10_000),
    "set-cookie": ["one", "two"],
    none: undefined,
    __proto: "x",
  };
  expect(strings.in(headers)).toEqual(headers);
  expect(strings.in(headers)).toEqual(headers);
  expect(strings.in(JSON.parse('{"__proto__":"own"}') as Record<string, string>)).toEqual(
    JSON.parse('{"__proto__":"own"}'),
  );
});

test("any number of values fills no more than its bound, and long ones are not kept", () => {
  const strings = new SharedStrings();
  for (let at = 0; at < 5_000; at++) {
    expect(strings.one(`value ${at}`)).toBe(`value ${at}`);
    expect(strings.one(`${at}`.padEnd(257))).toBe(`${at}`.padEnd(257));
    expect(strings.size).toBeLessThanOrEqual(1_000);
  }
  const before = strings.size;
  strings.one("value 4999");
  expect(strings.size).toBe(before);
});
