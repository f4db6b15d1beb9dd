import type { JsonValue, PatchOp, StoreEvent, StoreId, StreamOp, UploadOp } from "@musubi/protocol";

/** One entry of an envelope, of any of its lists. */
export type Change = PatchOp | StreamOp | UploadOp | StoreEvent;

/** Where an item goes, and in whose stream. */
export interface InsertOptions {
  /** The store that has the stream; default `[]`, the root's own. */
  readonly storeId?: StoreId;
  /** Default -1, the end (protocol.md section 5). */
  readonly at?: number;
  /** Default `null`: nothing is trimmed. */
  readonly limit?: number | null;
}

/** Makes the entries of envelopes; an envelope sorts them into its lists. */
export const change: {
  /** Replaces what is at a path. */
  readonly set: (path: string, value: JsonValue) => PatchOp;
  /** Adds a member, or an element before the one that is there; `-` appends. */
  readonly add: (path: string, value: JsonValue) => PatchOp;
  readonly remove: (path: string) => PatchOp;
  /** Puts an item into a stream; one with the same key is replaced. */
  readonly insert: (stream: string, key: string, item: JsonValue, options?: InsertOptions) => StreamOp;
  /** Takes an item out of a stream. */
  readonly drop: (stream: string, key: string, storeId?: StoreId) => StreamOp;
  /** Empties a stream. */
  readonly reset: (stream: string, storeId?: StoreId) => StreamOp;
  /** An event of a store, dispatched after the envelope is visible. */
  readonly emit: (name: string, payload?: JsonValue, storeId?: StoreId) => StoreEvent;
} = {
  set: (path, value) => ({ op: "replace", path, value }),
  add: (path, value) => ({ op: "add", path, value }),
  remove: (path) => ({ op: "remove", path }),
  insert: (stream, key, item, { storeId = [], at = -1, limit = null } = {}) => ({
    op: "insert",
    stream,
    ref: "0",
    store_id: storeId,
    item_key: key,
    at,
    item,
    limit,
  }),
  drop: (stream, key, storeId = []) => ({ op: "delete", stream, ref: "0", store_id: storeId, item_key: key }),
  reset: (stream, storeId = []) => ({ op: "reset", stream, ref: "0", store_id: storeId }),
  emit: (name, payload = {}, storeId = []) => ({ name, payload, store_id: storeId }),
};

/** The lists of an envelope with these entries; those that may be left out are, when they would be empty. */
export function listsOf(changes: readonly Change[]): Readonly<Record<string, readonly unknown[]>> {
  const [ops, stream_ops, upload_ops, events]: unknown[][] = [[], [], [], []];
  for (const entry of changes) {
    if ("path" in entry) ops?.push(entry);
    else if ("upload" in entry) upload_ops?.push(entry);
    else if ("stream" in entry) stream_ops?.push(entry);
    else events?.push(entry);
  }
  return {
    ops: ops ?? [],
    stream_ops: stream_ops ?? [],
    ...(upload_ops?.length ? { upload_ops } : {}),
    ...(events?.length ? { events } : {}),
  };
}
