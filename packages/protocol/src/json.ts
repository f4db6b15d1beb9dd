/** A JSON value without objects and arrays. */
export type JsonPrimitive = string | number | boolean | null;

/** Any value that `JSON.parse` can return (RFC 8259). Treated as immutable everywhere. */
export type JsonValue = JsonPrimitive | JsonObject | JsonArray;

/** A JSON object; its own enumerable string keys are its members. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A JSON array. */
export interface JsonArray extends ReadonlyArray<JsonValue> {}

/** Whether `value` is an object that is neither `null` nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
