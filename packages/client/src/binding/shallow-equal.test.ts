import { describe, expect, test } from "vitest";
import { shallowEqual } from "./shallow-equal.js";

describe("shallowEqual", () => {
  const shared = {};

  test.each<[string, unknown, unknown]>([
    ["identical values", shared, shared],
    ["NaN", Number.NaN, Number.NaN],
    ["arrays with the same members", [1, shared], [1, shared]],
    ["objects with the same members", { a: 1, b: shared }, { b: shared, a: 1 }],
    ["objects without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ])("%s are equal", (_, a, b) => {
    expect(shallowEqual(a, b)).toBe(true);
    expect(shallowEqual(b, a)).toBe(true);
  });

  test.each<[string, unknown, unknown]>([
    ["different primitives", 1, 2],
    ["null and an object", null, {}],
    ["different lengths", [1], [1, 2]],
    ["different orders", [1, 2], [2, 1]],
    ["arrays whose last members differ", [1, {}], [1, {}]],
    ["an array and an object", [], {}],
    ["equal but not identical members", { a: {} }, { a: {} }],
    ["a missing member and one that is undefined", { a: undefined }, { b: undefined }],
    ["inherited members", { constructor: Object }, { valueOf: 1 }],
    ["Dates", new Date(0), new Date(0)],
    ["Maps", new Map([[1, 1]]), new Map([[2, 2]])],
    ["store proxies", { dispatchCommand: shared, a: 1 }, { dispatchCommand: shared, a: 1 }],
  ])("%s are not", (_, a, b) => {
    expect(shallowEqual(a, b)).toBe(false);
    expect(shallowEqual(b, a)).toBe(false);
  });
});
