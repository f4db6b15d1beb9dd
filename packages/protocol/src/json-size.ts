import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import { STORE_ID_KEY } from "./store-id.js";

/** About how many characters the JSON text of a number has. */
const NUMBER = 4;

/**
 * About how many characters the JSON text of `value` has, or `Infinity` as soon as that is more than `most`: so that
 * asking whether a value is smaller than something never costs more than that something. With `stores: false` a value
 * that holds a store node counts as infinitely large.
 */
export function jsonSize(value: JsonValue, most: number, stores: boolean): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value === "number") return NUMBER;
  if (typeof value === "boolean") return value ? 4 : 5;
  if (value === null) return 4;
  let size = 2;
  if (Array.isArray(value)) {
    const array = value as JsonArray;
    for (let at = 0; at < array.length && size <= most; at++) {
      size += 1 + jsonSize(array[at] as JsonValue, most - size, stores);
    }
  } else {
    const object = value as JsonObject;
    if (!stores && object[STORE_ID_KEY] !== undefined) return Number.POSITIVE_INFINITY;
    for (const key in object) {
      if (size > most) break;
      size += key.length + 4 + jsonSize(object[key] as JsonValue, most - size, stores);
    }
  }
  return size > most ? Number.POSITIVE_INFINITY : size;
}
