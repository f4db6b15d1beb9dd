import jsonpatch from "fast-json-patch";
import { describe, expect, it, vi } from "vitest";
import { applyPatch } from "./apply-patch.js";
import type { JsonValue } from "./json.js";
import type { PatchOp } from "./patch-op.js";
import { deepFreeze, Random, randomOp, randomValue } from "./random-json.test.util.js";

const CASES = 10_000;

/** `levels` arrays inside one another. */
function nested(levels: number): JsonValue {
  let value: JsonValue = [];
  for (let left = levels; left > 1; left--) value = [value];
  return value;
}

function refusal(document: JsonValue, ops: readonly unknown[]): unknown {
  try {
    applyPatch(deepFreeze(document), deepFreeze(ops) as readonly PatchOp[]);
  } catch (error) {
    return error;
  }
  return "applied";
}

/** A document, ops that apply to it, and what fast-json-patch makes of them. */
function randomCase(seed: number): { document: JsonValue; ops: PatchOp[]; expected: JsonValue } {
  const random = new Random(seed);
  const document = randomValue(random, 5);
  let expected = structuredClone(document);
  const ops: PatchOp[] = [];
  for (let left = random.below(8); left > 0; left--) {
    const op = randomOp(random, expected);
    ops.push(op);
    expected = jsonpatch.applyOperation(expected, structuredClone(op) as jsonpatch.Operation).newDocument;
  }
  return { document, ops, expected };
}

describe("applyPatch", () => {
  it(`RFC 6902: agrees with fast-json-patch on ${CASES} documents, writes to nothing it is given`, () => {
    let changes = 0;
    for (let seed = 0; seed < CASES; seed++) {
      const { document, ops, expected } = randomCase(seed);
      changes += ops.length;
      // Frozen: a write to the document or to the value of an op throws.
      const result = applyPatch(deepFreeze(document), deepFreeze(ops));
      expect(result, `seed ${seed}`).toEqual(expected);
    }
    expect(changes).toBeGreaterThan(CASES);
  });

  it("protocol.md 3: the last op failing, nothing has changed and the error names the place", () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const { document, ops } = randomCase(seed);
      const before = JSON.stringify(document);
      const broken: PatchOp = { op: "remove", path: "/no/such/place" };
      expect(refusal(document, [...ops, broken]), `seed ${seed}`).toMatchObject({
        code: "path_not_found",
        details: { path: "/no/such/place" },
      });
      expect(JSON.stringify(document), `seed ${seed}`).toBe(before);
    }
  });

  it("returns the same document when there are no ops", () => {
    const document = { a: [1] };
    expect(applyPatch(document, [])).toBe(document);
  });

  it("client.md 8: what no path leads through stays the identical object", () => {
    const document = deepFreeze({ left: { a: [{ x: 1 }, { x: 2 }] }, right: { b: [1] }, list: [{ id: 1 }, { id: 2 }] });
    const result = applyPatch(document, [
      { op: "replace", path: "/left/a/1/x", value: 3 },
      { op: "add", path: "/list/0", value: { id: 0 } },
    ]) as typeof document;
    expect(result.right).toBe(document.right);
    expect(result.left.a[0]).toBe(document.left.a[0]);
    expect(result.left.a[1]).not.toBe(document.left.a[1]);
    expect(result.list[1]).toBe(document.list[0]);
    expect(result.list[2]).toBe(document.list[1]);
  });

  it("shares the value of an op, until a later op of the same patch leads into it", () => {
    const value = deepFreeze({ inner: { n: 1 }, other: {} });
    const shared = applyPatch({}, [{ op: "add", path: "/v", value }]) as { v: unknown };
    expect(shared.v).toBe(value);
    const changed = applyPatch({}, [
      { op: "add", path: "/v", value },
      { op: "add", path: "/w", value },
      { op: "replace", path: "/v/inner/n", value: 2 },
    ]);
    expect(changed).toEqual({ v: { inner: { n: 2 }, other: {} }, w: { inner: { n: 1 }, other: {} } });
    expect((changed as { v: { other: unknown } }).v.other).toBe(value.other);
  });

  it("takes parts of the document itself as values without writing to them", () => {
    const document = deepFreeze({ a: { n: 1 } });
    const ops: PatchOp[] = [
      { op: "add", path: "/again", value: document },
      { op: "replace", path: "/again/a/n", value: 2 },
      { op: "replace", path: "/a", value: document.a },
      { op: "replace", path: "/a/n", value: 3 },
    ];
    expect(applyPatch(document, ops)).toEqual({ a: { n: 3 }, again: { a: { n: 2 } } });
    expect(applyPatch(document, [{ op: "replace", path: "", value: document }, ...ops.slice(2)])).toEqual({
      a: { n: 3 },
    });
  });

  it("RFC 6902 section 4.1: add inserts into arrays, appends at -, sets and replaces members", () => {
    expect(applyPatch([1, 3], [{ op: "add", path: "/1", value: 2 }])).toEqual([1, 2, 3]);
    expect(applyPatch([1], [{ op: "add", path: "/1", value: 2 }])).toEqual([1, 2]);
    expect(applyPatch([1], [{ op: "add", path: "/-", value: 2 }])).toEqual([1, 2]);
    expect(applyPatch({ "-": 1 }, [{ op: "add", path: "/-", value: 2 }])).toEqual({ "-": 2 });
    expect(applyPatch({ a: 1 }, [{ op: "add", path: "/a", value: 2 }])).toEqual({ a: 2 });
    expect(applyPatch({}, [{ op: "add", path: "/toString", value: 2 }])).toEqual({ toString: 2 });
    expect(applyPatch({ a: 1 }, [{ op: "add", path: "", value: [1] }])).toEqual([1]);
  });

  it("keeps the order of members, through removals too", () => {
    const document = { c: 1, a: 2, b: 3, d: 4 };
    const result = applyPatch(document, [
      { op: "replace", path: "/a", value: 9 },
      { op: "remove", path: "/b" },
      { op: "add", path: "/e", value: 5 },
    ]);
    expect(Object.keys(result as object)).toEqual(["c", "a", "d", "e"]);
  });

  it.each([
    [{ a: 1 }, { op: "replace", path: "/b", value: 1 }],
    [{ a: 1 }, { op: "remove", path: "/b" }],
    [{ a: 1 }, { op: "remove", path: "/toString" }],
    [{ a: 1 }, { op: "replace", path: "/valueOf", value: 1 }],
    [{ a: 1 }, { op: "add", path: "/b/c", value: 1 }],
    [{ a: 1 }, { op: "add", path: "/toString/c", value: 1 }],
    [{ a: "text" }, { op: "add", path: "/a/0", value: 1 }],
    [{ a: null }, { op: "add", path: "/a/b", value: 1 }],
    [[1, 2], { op: "replace", path: "/2", value: 1 }],
    [[1, 2], { op: "remove", path: "/2" }],
    [[1, 2], { op: "add", path: "/3", value: 1 }],
    [[1, 2], { op: "replace", path: "/-", value: 1 }],
    [[1, 2], { op: "remove", path: "/-" }],
    [[[1]], { op: "add", path: "/-/0", value: 1 }],
    [[1, 2], { op: "replace", path: "/01", value: 1 }],
    [[1, 2], { op: "replace", path: "/-1", value: 1 }],
    [[1, 2], { op: "replace", path: "/1.0", value: 1 }],
    [[1, 2], { op: "replace", path: "/4294967297", value: 1 }],
    [[1, 2], { op: "replace", path: `/${"9".repeat(400)}`, value: 1 }],
    [[1, 2], { op: "replace", path: "/length", value: 1 }],
    [[1, 2], { op: "replace", path: "/", value: 1 }],
    [7, { op: "add", path: "/a", value: 1 }],
  ])("RFC 6902: on %j the op %j is path_not_found", (document, op) => {
    expect(refusal(document, [op])).toMatchObject({ name: "MusubiError", code: "path_not_found" });
  });

  it.each([
    "a",
    "/__proto__",
    "/__proto__/x",
    "/constructor/prototype/x",
    "/a/prototype",
    "/a~2",
    "/list/__proto__",
    "/a~",
  ])("protocol.md 4: the path %j is invalid_pointer", (path) => {
    const error = refusal({ a: {}, list: [] }, [
      { op: "add", path: "/b", value: 1 },
      { op: "add", path, value: 1 },
    ]);
    expect(error).toMatchObject({ code: "invalid_pointer", details: { path } });
  });

  it.each([
    [null],
    ["remove"],
    [{ op: "move", from: "/a", path: "/b" }],
    [{ op: "add", path: "/b" }],
    [{ op: "add", value: 1 }],
    [{ op: "add", path: 1, value: 1 }],
    [{ op: "remove", path: "" }],
    [{ path: "/a", value: 1 }],
  ])("protocol.md 3: %j is malformed_envelope", (op) => {
    expect(refusal({ a: 1 }, [op])).toMatchObject({ code: "malformed_envelope" });
  });

  it("refuses a patch that is no array", () => {
    expect(() => applyPatch({}, {} as never)).toThrow(expect.objectContaining({ code: "malformed_envelope" }));
  });

  it("protocol.md 4: refuses an own __proto__ anywhere in a value, and pollutes nothing", () => {
    const texts = ['{"__proto__":{"x":1}}', '[{"a":{"__proto__":null}}]', '{"a":[[{"__proto__":1}]]}'];
    for (const text of texts) {
      const op = { op: "add", path: "/v", value: JSON.parse(text) as JsonValue };
      expect(refusal({}, [op])).toMatchObject({
        code: "malformed_envelope",
        message: expect.stringContaining("__proto__"),
      });
    }
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it("protocol.md 3: takes values of 256 levels, refuses deeper ones, however deep, without filling the stack", () => {
    expect(applyPatch(null, [{ op: "replace", path: "", value: nested(256) }])).toEqual(nested(256));
    for (const levels of [257, 10_000, 1_000_000]) {
      expect(() => applyPatch({}, [{ op: "add", path: "/a", value: nested(levels) }])).toThrow(
        expect.objectContaining({ code: "too_deep" }),
      );
    }
  });

  it("follows a path of 256 tokens and no longer one, so that patches cannot grow a tree without end", () => {
    const document = applyPatch(nested(256), [{ op: "add", path: `${"/0".repeat(255)}/-`, value: nested(256) }]);
    expect(() => applyPatch(document, [{ op: "add", path: `${"/0".repeat(256)}/-`, value: 1 }])).toThrow(
      expect.objectContaining({ code: "too_deep" }),
    );
    expect(() => applyPatch({}, [{ op: "add", path: "/a".repeat(1_000_000), value: 1 }])).toThrow(/^.{1,500}$/);
  });

  it("says in its message where the path leads nowhere", () => {
    const error = refusal({ list: [1] }, [
      { op: "add", path: "/a", value: 1 },
      { op: "remove", path: "/list/5" },
    ]);
    expect(String(error)).toBe('MusubiError: "/list/5" leads nowhere');
  });

  it("works where arrays have no toSpliced", async () => {
    const { toSpliced } = Array.prototype;
    Reflect.deleteProperty(Array.prototype, "toSpliced");
    vi.resetModules();
    try {
      const { applyPatch: apply } = await import("./apply-patch.js");
      const array = deepFreeze([1, 2, 3]);
      expect(apply(array, [{ op: "add", path: "/0", value: 9 }])).toEqual([9, 1, 2, 3]);
      expect(apply(array, [{ op: "add", path: "/2", value: 9 }])).toEqual([1, 2, 9, 3]);
      expect(apply(array, [{ op: "add", path: "/-", value: 9 }])).toEqual([1, 2, 3, 9]);
      expect(apply(array, [{ op: "remove", path: "/0" }])).toEqual([2, 3]);
      expect(apply(array, [{ op: "remove", path: "/2" }])).toEqual([1, 2]);
    } finally {
      Reflect.defineProperty(Array.prototype, "toSpliced", { value: toSpliced, writable: true, configurable: true });
      vi.resetModules();
    }
  });
});
