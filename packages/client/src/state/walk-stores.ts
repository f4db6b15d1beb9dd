import { type JsonObject, type JsonValue, STORE_ID_KEY, type StoreNode } from "@musubi/protocol";

/**
 * Calls `visit` for every store node in `value`, outer ones first. `chain` holds the stores around the visited one,
 * outermost first, beginning with what was given; it changes as the walk goes on. `visit` returns `false` to leave
 * out what is below a store.
 */
export function walkStores(
  value: JsonValue,
  chain: StoreNode[],
  visit: (node: StoreNode, chain: readonly StoreNode[]) => boolean,
): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const item = value[index];
      if (typeof item === "object" && item !== null) walkStores(item, chain, visit);
    }
    return;
  }
  const object = value as JsonObject;
  const isStore = isStoreLike(object);
  if (isStore) {
    if (!visit(object, chain)) return;
    chain.push(object);
  }
  for (const key in object) {
    const member = object[key];
    if (typeof member === "object" && member !== null && key !== STORE_ID_KEY) walkStores(member, chain, visit);
  }
  if (isStore) chain.pop();
}

/** Whether an object carries a store id. Cheaper than `isStoreNode`: what the id holds is not looked at. */
export function isStoreLike(value: object): value is StoreNode {
  return Array.isArray((value as Partial<StoreNode>)[STORE_ID_KEY]);
}
