import type { JsonArray, JsonObject, JsonValue } from "./json.js";

/** An object or array that may still be written to, because nobody else holds it yet. */
export type MutableObject = Record<string, JsonValue>;
export type MutableArray = JsonValue[];

/**
 * A shallow copy of an object without one of its members. Built anew rather than copied and deleted from: V8 turns an
 * object that lost a member into a hash table, and every later copy of it costs 70 times as much.
 */
export function copyWithout(object: JsonObject, key: string): MutableObject {
  const copy: MutableObject = {};
  for (const name in object) {
    if (name !== key) copy[name] = object[name] as JsonValue;
  }
  return copy;
}

const hasToSpliced = typeof Array.prototype.toSpliced === "function";

/** A copy of an array without `count` elements from `index` on, and with `values` there. */
export function copySpliced(array: JsonArray, index: number, count: number, ...values: JsonValue[]): MutableArray {
  if (hasToSpliced) return array.toSpliced(index, count, ...values);
  const copy = array.slice();
  copy.splice(index, count, ...values);
  return copy;
}
