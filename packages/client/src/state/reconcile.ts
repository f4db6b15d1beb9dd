import {
  isObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  STORE_ID_KEY,
  type StoreId,
} from "@musubi/protocol";
import { isSameStoreId, StoreIdMap } from "./store-id-map.js";
import { isStoreLike } from "./walk-stores.js";

/**
 * `next` with every subtree that deep-equals its counterpart in `previous` replaced by that very object, so that a
 * fresh copy of known state changes only what really differs (protocol.md section 3, initial envelopes). Stores in
 * arrays are matched by id, all else by place; stores of different ids share nothing. Neither argument is changed.
 */
export function reconcile(previous: JsonValue | undefined, next: JsonValue): JsonValue {
  if (previous === next) return next;
  if (Array.isArray(next)) return Array.isArray(previous) ? reconcileArray(previous, next) : next;
  return isObject(next) && isObject(previous) ? reconcileObject(previous, next) : next;
}

function reconcileArray(previous: JsonArray, next: JsonArray): JsonValue {
  const byId = storesById(previous, next);
  let result: JsonValue[] | undefined;
  let same = previous.length === next.length;
  for (let index = 0; index < next.length; index++) {
    const value = next[index] as JsonValue;
    const id = byId === undefined ? undefined : idOf(value);
    const shared = reconcile(id === undefined ? previous[index] : byId?.get(id), value);
    if (shared !== value) {
      result ??= next.slice();
      result[index] = shared;
    }
    if (same && shared !== previous[index]) same = false;
  }
  return same ? previous : (result ?? next);
}

function reconcileObject(previous: JsonObject, next: JsonObject): JsonValue {
  // What a marker means depends on its store, so nothing is shared between two stores.
  if (!isSameStore(previous, next)) return next;
  let result: Record<string, JsonValue> | undefined;
  let same = true;
  let members = 0;
  for (const key in next) {
    members++;
    const value = next[key] as JsonValue;
    const known = Object.hasOwn(previous, key) ? previous[key] : undefined;
    const shared = known === undefined ? value : reconcile(known, value);
    if (shared !== value) {
      result ??= { ...next };
      result[key] = shared;
    }
    if (shared !== known) same = false;
  }
  if (same) for (const _key in previous) members--;
  return same && members === 0 ? previous : (result ?? next);
}

/** The stores of `previous` by id, when the two lists do not simply hold the same stores in the same places. */
function storesById(previous: JsonArray, next: JsonArray): StoreIdMap<JsonValue> | undefined {
  let aligned = true;
  for (let index = 0; aligned && index < next.length; index++) {
    if (idOf(next[index]) === undefined) return undefined;
    aligned = isSameStore(previous[index], next[index]);
  }
  if (aligned) return undefined;
  const byId = new StoreIdMap<JsonValue>();
  for (const value of previous) {
    const id = idOf(value);
    if (id !== undefined) byId.set(id, value);
  }
  return byId;
}

function idOf(value: JsonValue | undefined): StoreId | undefined {
  return isObject(value) && isStoreLike(value) ? value[STORE_ID_KEY] : undefined;
}

/** Whether both are renderings of one store, or neither is of any. */
function isSameStore(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  const [id, otherId] = [idOf(one), idOf(other)];
  return id === undefined || otherId === undefined ? id === otherId : isSameStoreId(id, otherId);
}
