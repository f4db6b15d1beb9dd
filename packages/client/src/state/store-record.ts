import type { StoreId, StoreNode, StreamList } from "@musubi/protocol";
import type { UploadSlot } from "../uploads/upload-slot.js";

/** Hears that a store, or something below it, changed. */
export type StoreListener = () => void;

/** Hears an event of a store. */
export type StoreEventHandler = (payload: unknown) => void;

/**
 * What the client keeps of one store beside its place in the tree. Made only for stores that somebody looked at,
 * subscribed to, or that have streams, and for the stores around those.
 */
export interface StoreRecord {
  /** As the server sent it last; the array's identity finds the record from a node. */
  id: StoreId;
  /** The store's current node; `undefined` while it is not in the tree. */
  node: StoreNode | undefined;
  /** The store around this one; `undefined` for the root. */
  parent: StoreRecord | undefined;
  /** Collections are made when first needed: most records have none. */
  listeners: Set<{ readonly call: StoreListener }> | undefined;
  handlers: Map<string, Set<{ readonly call: StoreEventHandler }>> | undefined;
  streams: Map<string, StreamList> | undefined;
  uploads: Map<string, UploadSlot> | undefined;
  /** What commands under way are expected to do to this store's snapshot, oldest first. */
  updates: readonly ((state: unknown) => unknown)[] | undefined;
  /** Where this store is below its parent's node; checked before use. */
  steps: readonly (string | number)[] | undefined;
  /** Where this store's stream markers are below its node, by name; checked before use. */
  markers: Map<string, readonly (readonly (string | number)[])[]> | undefined;
  /** The serial number of the change that was the last to affect it. */
  change: number;
}

/** A record of a store that is not in the tree (yet). */
export function createStoreRecord(id: StoreId): StoreRecord {
  return {
    id,
    node: undefined,
    parent: undefined,
    listeners: undefined,
    handlers: undefined,
    streams: undefined,
    uploads: undefined,
    updates: undefined,
    steps: undefined,
    markers: undefined,
    change: 0,
  };
}

/** Whether anybody waits for this store, so that its record must outlive its place in the tree. */
export function isWanted(record: StoreRecord): boolean {
  return record.listeners !== undefined || record.handlers !== undefined;
}
