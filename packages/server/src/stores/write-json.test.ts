import type { MusubiError } from "@musubi/protocol";
import { describe, expect, test } from "vitest";
import { toJson } from "./write-json.js";

function failure(value: unknown): { code: string; message: string } {
  try {
    toJson(value, "Test.Store");
  } catch (cause) {
    const { code, message } = cause as MusubiError;
    return { code, message };
  }
  throw new Error("it was accepted");
}

class Point {
  readonly x = 1;
  get norm(): number {
    return 1;
  }
}

describe("what JSON.stringify would make of it", () => {
  test.each([
    ["primitives", [1, "a", true, null, 1.5, -0]],
    ["numbers that are not finite", [Number.NaN, Number.POSITIVE_INFINITY]],
    ["undefined members and elements", { a: undefined, b: [undefined, 1], c: null }],
    ["dates", { at: new Date(0), list: [new Date(1)] }],
    ["toJSON, which gets the key", { k: { toJSON: (key: string) => ({ key }) } }],
    ["toJSON that gives a primitive, or nothing", { a: { toJSON: () => 1 }, b: { toJSON: () => undefined } }],
    ["toJSON is asked once", { a: { toJSON: () => ({ inner: 1 }) } }],
    ["instances, by their own members", new Point()],
    ["objects without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["boxed primitives", [new Number(1), new String("a"), new Boolean(false)]],
    ["symbol members", { [Symbol("s")]: 1, a: 2 }],
    ["holes", Object.assign([1], { 2: 3 })],
    ["names that some libraries fear", { constructor: 1, prototype: 2, length: 3, "": 4, "a/b~c": 5 }],
    ["a thing that occurs twice", ((twin: object) => ({ a: twin, b: twin }))({ x: 1 })],
  ])("%s", (_name, value) => {
    expect(toJson(value, "Test.Store")).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test("what was copied is not shared", () => {
    const inner = { a: [1] };
    const copy = toJson({ inner }, "Test.Store") as unknown as { inner: typeof inner };
    inner.a.push(2);
    expect(copy).toEqual({ inner: { a: [1] } });
  });
});

describe("what JSON cannot say is refused with its path", () => {
  const loop: Record<string, unknown> = {};
  loop["again"] = { rows: [loop] };

  test.each([
    ["BigInt", { rows: [{ n: 1n }] }, "not_json", "Test.Store.rows[0].n: a bigint has no place in JSON"],
    ["a function", { on: { click: () => {} } }, "not_json", "Test.Store.on.click: a function has no place in JSON"],
    ["a symbol", [Symbol("s")], "not_json", "Test.Store[0]: a symbol has no place in JSON"],
    ["a Map", { m: new Map() }, "not_json", "Test.Store.m: a Map has no place"],
    ["a Set", { s: new Set() }, "not_json", "Test.Store.s: a Set has no place"],
    ["a promise", { p: Promise.resolve(1) }, "not_json", "Test.Store.p: a Promise has no place"],
    ["bytes", { b: new Uint8Array(2) }, "not_json", "Test.Store.b: a Uint8Array has no place"],
    ["a cycle", { loop }, "not_json", "the value contains itself"],
    ["a marker", { __musubi_stream__: "x" }, "reserved_field", "Test.Store.__musubi_stream__: this name is reserved"],
    ["__proto__", JSON.parse('{"a":{"__proto__":1}}'), "reserved_field", "Test.Store.a.__proto__: this name"],
  ])("%s", (_name, value, code, message) => {
    const error = failure(value);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test("protocol.md 3: 256 levels go, 257 do not", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(toJson(nested(256), "Test.Store")).toEqual(nested(256));
    expect(failure(nested(257)).code).toBe("too_deep");
  });
});
