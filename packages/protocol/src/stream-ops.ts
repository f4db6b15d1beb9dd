import type { JsonValue } from "./json.js";
import type { StoreId } from "./store-id.js";
import { StreamList } from "./stream-list.js";

/** One change of a stream (keyed list) of a store (protocol.md section 5). `ref` is for servers; clients ignore it. */
export type StreamOp =
  | { readonly op: "reset"; readonly stream: string; readonly ref?: JsonValue; readonly store_id: StoreId }
  | {
      readonly op: "insert";
      readonly stream: string;
      readonly ref?: JsonValue;
      readonly store_id: StoreId;
      readonly item_key: string;
      readonly at: number;
      readonly item: JsonValue;
      readonly limit: number | null;
    }
  | {
      readonly op: "delete";
      readonly stream: string;
      readonly ref?: JsonValue;
      readonly store_id: StoreId;
      readonly item_key: string;
    };

/** One entry of a stream. */
export interface StreamEntry {
  readonly key: string;
  readonly item: JsonValue;
}

/** Applies one op to the list of its stream; `stream` and `store_id` are the caller's to route by. */
export function applyStreamOp(list: StreamList, op: StreamOp): void {
  switch (op.op) {
    case "insert":
      list.insert(op.item_key, op.at, op.item, op.limit);
      return;
    case "delete":
      list.delete(op.item_key);
      return;
    case "reset":
      list.reset();
      return;
    default:
      op satisfies never;
  }
}

/**
 * The entries of one stream after `ops`, as a new array; the same array when there are no ops.
 *
 * For a list that changes again and again keep a {@link StreamList}: this builds one each time.
 */
export function foldStreamOps(entries: readonly StreamEntry[], ops: readonly StreamOp[]): readonly StreamEntry[] {
  if (ops.length === 0) return entries;
  const list = new StreamList();
  for (const { key, item } of entries) list.insert(key, -1, item, null);
  for (const op of ops) applyStreamOp(list, op);
  const items = list.items();
  return list.keys().map((key, at) => ({ key, item: items[at] as JsonValue }));
}
