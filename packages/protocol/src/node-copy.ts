import type { JsonArray, JsonObject, JsonValue } from "./json.js";

/** An object or array that may still be written to, because nobody else holds it yet. */
export type MutableObject = Record<string, JsonValue>;
export type MutableArray = JsonValue[];

/** A shallow copy of an object, its members in the same order. */
export function copyObject(object: JsonObject): MutableObject {
  return { ...object };
}

/** A shallow copy of an array. */
export function copyArray(array: JsonArray): MutableArray {
  return array.slice();
}

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

/** A copy of an array with `value` inserted at `index`. */
export function copyInserted(array: JsonArray, index: number, value: JsonValue): MutableArray {
  return hasToSpliced ? array.toSpliced(index, 0, value) : array.slice(0, index).concat([value], array.slice(index));
}

/** A copy of an array without the element at `index`. */
export function copyRemoved(array: JsonArray, index: number): MutableArray {
  return hasToSpliced ? array.toSpliced(index, 1) : array.slice(0, index).concat(array.slice(index + 1));
}
