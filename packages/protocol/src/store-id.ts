import { isObject, type JsonObject, type JsonValue } from "./json.js";

/**
 * The id of a store inside its root: `[]` for the root itself, else what the server made up.
 *
 * Opaque to clients: echoed verbatim, compared by content, never built or parsed (protocol.md section 4).
 */
export type StoreId = readonly string[];

/** The key that makes a JSON object a store node (protocol.md section 4). */
export const STORE_ID_KEY = "__musubi_store_id__";

/** Keys with this prefix are reserved for markers (protocol.md section 4). */
export const RESERVED_PREFIX = "__musubi_";

/** A rendered store: its fields beside its id. */
export type StoreNode = JsonObject & { readonly [STORE_ID_KEY]: StoreId };

/** Whether `value` is an array of strings. */
export function isStoreId(value: unknown): value is StoreId {
  return Array.isArray(value) && value.every((part) => typeof part === "string");
}

/** Whether `value` is a rendered store. */
export function isStoreNode(value: JsonValue | undefined): value is StoreNode {
  return isObject(value) && isStoreId(value[STORE_ID_KEY]);
}

/** A string that two store ids share exactly when they are equal; for use as a Map key only. */
export function storeIdKey(id: StoreId): string {
  return id.length === 0 ? "" : JSON.stringify(id);
}
