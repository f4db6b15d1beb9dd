import type { StreamList } from "@musubi/protocol";
import type { StoreRecord } from "./store-record.js";

const NONE: readonly never[] = Object.freeze([]);

/** The lists behind what was read of streams, or their keys once these were asked for. */
const known = new WeakMap<readonly unknown[], StreamList | readonly string[]>();

/** Reads a stream, if it is there, such that its keys can be found by its items. */
export function readItems(list: StreamList | undefined): readonly unknown[] {
  if (!list?.size) return NONE;
  const items = list.items();
  if (!known.has(items)) known.set(items, list);
  return items;
}

/**
 * The keys of what was read of a stream, one per item and unique: those that the server gave them. The same array for
 * the same items; to be asked for while they are the latest, and good from then on.
 *
 * An array that an app made of items of the store's own streams, such as a filtered one, gets their keys as well; what
 * is of no stream, such as an item that is shown before the server has it, gets `~` and its place.
 */
export function streamKeys(record: StoreRecord, items: readonly unknown[]): readonly string[] {
  let keys = known.get(items);
  if (keys !== undefined && "items" in keys) keys = keys.items() === items ? keys.keys() : undefined;
  if (keys === undefined) {
    const keyOf = new Map<unknown, string>();
    for (const list of record.streams?.values() ?? []) {
      const names = list.keys();
      list.items().forEach((item, at) => keyOf.set(item, names[at] as string));
    }
    keys = items.map((item, at) => {
      const key = keyOf.get(item);
      // Once each: an item may be there twice.
      keyOf.delete(item);
      return key ?? `~${at}`;
    });
  }
  known.set(items, keys);
  return keys;
}
