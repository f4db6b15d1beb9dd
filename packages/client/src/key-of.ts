import { isStoreId, MusubiError, STORE_ID_KEY, storeIdKey } from "@musubi/protocol";

/**
 * A string that is unique to a store among those of its root, and stable for its life: for React keys and Maps.
 * Takes a proxy or a snapshot of a store. Throws `invalid_usage` for anything else.
 */
export function keyOf(store: object): string {
  const id = (store as { readonly [STORE_ID_KEY]?: unknown })[STORE_ID_KEY];
  if (!isStoreId(id)) {
    throw new MusubiError("invalid_usage", "keyOf takes a store proxy or a snapshot of a store.");
  }
  return storeIdKey(id);
}
