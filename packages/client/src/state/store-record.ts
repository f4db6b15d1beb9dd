import type { StoreId, StoreNode, StreamList } from "@musubi/protocol";
import type { UploadSlot } from "../uploads/upload-slot.js";
import type { Steps } from "./walk-stores.js";

/** Hears that a store, or something below it, changed. */
export type StoreListener = () => void;

/** Hears an event of a store. */
export type StoreEventHandler = (payload: unknown) => void;

/** What may still be written to in place, because nobody has seen it. */
export interface Unseen {
  /** How many more envelopes may be applied in place; 0 once anybody has read a node. */
  left: number;
}

/**
 * What the client keeps of one store beside its place in the tree. Made only for stores that somebody looked at,
 * subscribed to, or that have streams, and for the stores around those.
 */
export class StoreRecord {
  /** As the server sent it last; the array's identity finds the record from a node. */
  id: StoreId;
  /** As `node`, for those who hand it to nobody: it may yet be written to. */
  unseenNode: StoreNode | undefined = undefined;
  /** The store around this one; `undefined` for the root. */
  parent: StoreRecord | undefined = undefined;
  /** Collections are made when first needed: most records have none. */
  listeners: Set<{ readonly call: StoreListener }> | undefined = undefined;
  handlers: Map<string, Set<{ readonly call: StoreEventHandler }>> | undefined = undefined;
  streams: Map<string, StreamList> | undefined = undefined;
  uploads: Map<string, UploadSlot> | undefined = undefined;
  /** What commands under way are expected to do to this store's snapshot, oldest first. */
  updates: readonly ((state: unknown) => unknown)[] | undefined = undefined;
  /** Where this store is below its parent's node, and its stream markers below its own; checked before use. */
  steps: readonly Steps[] | undefined = undefined;
  markers: Map<string, readonly Steps[]> | undefined = undefined;
  /** The serial number of the change that was the last to affect it. */
  change = 0;
  /** Its id before the change that is under way, and what its node must be in the end for it to be the same. */
  formerId: StoreId;
  formerNode: object | undefined = undefined;
  readonly #unseen: Unseen;

  constructor(id: StoreId, unseen: Unseen) {
    this.id = this.formerId = id;
    this.#unseen = unseen;
  }

  /** The store's current node, which is never written to from now on; `undefined` while it is not in the tree. */
  get node(): StoreNode | undefined {
    this.#unseen.left = 0;
    return this.unseenNode;
  }

  /** Whether anybody waits for this store, so that its record must outlive its place in the tree. */
  get isWanted(): boolean {
    return this.listeners !== undefined || this.handlers !== undefined;
  }
}
