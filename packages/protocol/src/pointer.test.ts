import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeToken, formatPointer, getAt, parsePointer } from "./pointer.js";

const RFC_DOCUMENT = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

describe("JSON Pointer", () => {
  it.each([
    ["", RFC_DOCUMENT],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/c%d", 2],
    ["/e^f", 3],
    ["/g|h", 4],
    ["/i\\j", 5],
    ['/k"l', 6],
    ["/ ", 7],
    ["/m~0n", 8],
  ])("RFC 6901 section 5: %j reads as in the RFC", (pointer, value) => {
    expect(getAt(RFC_DOCUMENT, pointer)).toEqual(value);
  });

  it.each([
    ["/~01", ["~1"]],
    ["/~0~1~0", ["~/~"]],
    ["//", ["", ""]],
    ["/a//b/", ["a", "", "b", ""]],
  ])("RFC 6901 section 4: %j has the tokens %j", (pointer, tokens) => {
    expect(parsePointer(pointer)).toEqual(tokens);
    expect(formatPointer(tokens)).toBe(pointer);
  });

  it("RFC 6901: formatting and parsing are each other's inverse, for any tokens", () => {
    const token = fc.string({ unit: fc.constantFrom("~", "/", "0", "1", "a", "-", "é", "😀", "\\", " ") });
    fc.assert(
      fc.property(fc.array(token), (tokens) => {
        expect(parsePointer(formatPointer(tokens))).toEqual(tokens);
        expect(parsePointer(tokens.map((text) => `/${escapeToken(text)}`).join(""))).toEqual(tokens);
      }),
      { numRuns: 10_000 },
    );
  });

  it("RFC 6901: any text is either read and written back the same, or refused as invalid_pointer", () => {
    const text = fc.string({ unit: fc.constantFrom("~", "/", "0", "1", "2", "a", "_") });
    fc.assert(
      fc.property(text, (pointer) => {
        const valid = (pointer === "" || pointer.startsWith("/")) && !/~(?![01])/.test(pointer);
        if (valid) expect(formatPointer(parsePointer(pointer))).toBe(pointer);
        else expect(() => parsePointer(pointer)).toThrow(expect.objectContaining({ code: "invalid_pointer" }));
      }),
      { numRuns: 10_000 },
    );
  });

  it.each(["a", "a/b", "#/a", "/a~", "/~2", "/~", "/a/~a"])("RFC 6901: %j is invalid_pointer", (pointer) => {
    expect(() => parsePointer(pointer)).toThrow(expect.objectContaining({ code: "invalid_pointer" }));
  });

  it.each(["/__proto__", "/a/constructor", "/constructor/prototype", "/prototype/b"])(
    "protocol.md 4: %j names a prototype and is refused",
    (pointer) => {
      expect(() => getAt({ a: 1 }, pointer)).toThrow(expect.objectContaining({ code: "invalid_pointer" }));
    },
  );

  it.each(["/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/ 1", "/foo/1e0", "/foo/+1", "/foo/-1", "/foo/1.0", "/foo/"])(
    "RFC 6901 section 4: %j is no element of an array of two",
    (pointer) => {
      expect(getAt(RFC_DOCUMENT, pointer)).toBeUndefined();
    },
  );

  it("finds own members only, never inherited ones", () => {
    expect(getAt({}, "/toString")).toBeUndefined();
    expect(getAt([], "/length")).toBeUndefined();
    expect(getAt({ a: "text" }, "/a/length")).toBeUndefined();
    expect(getAt({ toString: 1 }, "/toString")).toBe(1);
  });

  it("quotes at most a part of a huge pointer in its message", () => {
    expect(() => parsePointer("x".repeat(1_000_000))).toThrow(/^.{1,400}$/);
  });
});
