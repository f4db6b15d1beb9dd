import { SeededRandom } from "@musubi/testing";
import { expect, test } from "vitest";
import { jsonCodec } from "./valkey-codec.js";

const copy = (message: unknown): unknown => jsonCodec.decode(jsonCodec.encode(message));

test("strings that look like marks, keys that begin with one, and bytes come back as they were", () => {
  const bytes = new Uint8Array([0, 1, 255]);
  for (const message of [
    "\0",
    "\0b",
    "\0bAAH/",
    "\0t\0b",
    "\\u0000",
    { "\0bAAH/": "\0t" },
    [bytes, [bytes.subarray(1), new Uint8Array()]],
    bytes,
    null,
  ]) {
    expect(copy(message)).toEqual(message);
    expect(copy([message])).toEqual([message]);
  }
  expect(copy(undefined)).toBe(null);
  expect(copy({ at: new Date(0), none: undefined })).toEqual({ at: "1970-01-01T00:00:00.000Z" });
});

test("a key __proto__ is a key", () => {
  const message: unknown = JSON.parse('{"__proto__":{"x":"\\u0000"},"a":{"__proto__":1}}');
  const copied = copy(message) as object;
  expect(JSON.stringify(copied)).toBe(JSON.stringify(message));
  expect(Object.getPrototypeOf(copied)).toBe(Object.prototype);
});

test("random messages come back equal", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  const random = new SeededRandom(seed);
  const text = (): string =>
    Array.from({ length: random.integer(0, 4) }, () => random.pick(["\0", "b", "t", "\\", "☃"])).join("");
  const value = (depth: number): unknown => {
    switch (random.integer(0, depth > 3 ? 3 : 5)) {
      case 0:
        return text();
      case 1:
        return new Uint8Array(Array.from({ length: random.integer(0, 5) }, () => random.integer(0, 255)));
      case 2:
        return random.integer(0, 1_000);
      case 3:
        return random.pick([null, true, false]);
      case 4:
        return Array.from({ length: random.integer(0, 3) }, () => value(depth + 1));
      default:
        return Object.fromEntries(Array.from({ length: random.integer(0, 3) }, () => [text(), value(depth + 1)]));
    }
  };
  for (let run = 0; run < 10_000; run++) {
    const message = value(0);
    expect(copy(message), `SEED=${seed}`).toEqual(message);
  }
});
