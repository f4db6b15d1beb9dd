import type { JsonArray, JsonObject, JsonValue } from "./json.js";

/** Whether two JSON values are equal; the order of members does not count. Identical parts are not looked into. */
export function deepEqual(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && equalArrays(a as JsonArray, b as JsonArray);
  return !Array.isArray(b) && equalObjects(a as JsonObject, b as JsonObject);
}

function equalArrays(a: JsonArray, b: JsonArray): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    if (!deepEqual(a[at] as JsonValue, b[at] as JsonValue)) return false;
  }
  return true;
}

function equalObjects(a: JsonObject, b: JsonObject): boolean {
  let surplus = 0;
  for (const _key in b) surplus += 1;
  for (const key in a) {
    if (!Object.hasOwn(b, key) || !deepEqual(a[key] as JsonValue, b[key] as JsonValue)) return false;
    surplus -= 1;
  }
  return surplus === 0;
}
