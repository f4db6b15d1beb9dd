import { copyNode, type JsonObject, type JsonValue, STORE_ID_KEY, type StoreId } from "@musubi/protocol";
import { isSameStoreId, StoreIdMap } from "./store-id-map.js";
import { isStoreLike, walkStores } from "./walk-stores.js";

/**
 * `next` with every subtree that deep-equals its counterpart in `previous` replaced by that very object, so that a
 * fresh copy of known state changes only what really differs (protocol.md section 3, initial envelopes). The counterpart
 * of a store is the store of the same id, wherever it was; of all else in a store, what was in the same place of that
 * store. Neither argument is changed.
 */
export function reconcile(previous: JsonValue | undefined, next: JsonValue): JsonValue {
  let stores: StoreIdMap<JsonValue> | undefined;

  /** Stores are looked for by id only when they are not where they were. */
  const storeOf = (id: StoreId): JsonValue | undefined => {
    if (stores === undefined) {
      const known = (stores = new StoreIdMap<JsonValue>());
      walkStores(previous as JsonValue, true, (node) => {
        known.set(node[STORE_ID_KEY], node);
        return true;
      });
    }
    return stores.get(id);
  };

  const share = (place: JsonValue | undefined, fresh: JsonValue): JsonValue => {
    if (typeof fresh !== "object" || fresh === null || fresh === place) return fresh;
    const id = idOf(fresh);
    const placed = idOf(place);
    const isPlaced = id === undefined || placed === undefined ? id === placed : isSameStoreId(id, placed);
    let known = isPlaced ? place : id && storeOf(id);
    // A list and an object share nothing.
    if (typeof known !== "object" || Array.isArray(known) !== Array.isArray(fresh)) known = undefined;
    const before = (known ?? {}) as JsonObject;
    let result: Record<string, JsonValue> | undefined;
    let isSame = known != null;
    const keys = Object.keys(fresh);
    for (const key of keys) {
      const value = (fresh as JsonObject)[key] as JsonValue;
      const former = Object.hasOwn(before, key) ? before[key] : undefined;
      const shared = share(former, value);
      if (shared !== value) {
        result ??= copyNode(fresh) as Record<string, JsonValue>;
        result[key] = shared;
      }
      if (shared !== former) isSame = false;
    }
    return isSame && Object.keys(before).length === keys.length ? before : (result ?? fresh);
  };

  return previous === undefined ? next : share(previous, next);
}

function idOf(value: JsonValue | undefined): StoreId | undefined {
  return typeof value === "object" && value !== null && isStoreLike(value) ? value[STORE_ID_KEY] : undefined;
}
