import type { JsonValue } from "./json.js";
import { isStoreId, type StoreId } from "./store-id.js";
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

/** Whether `op` has the shape of a {@link StreamOp}; what its item holds is not looked at. */
export function isStreamOp(op: Readonly<Record<string, unknown>>): boolean {
  const { op: kind, stream, store_id, item_key, at, limit, item } = op;
  if (typeof stream !== "string" || !isStoreId(store_id)) return false;
  if (kind === "reset") return true;
  if (typeof item_key !== "string") return false;
  if (kind !== "insert") return kind === "delete";
  return item !== undefined && Number.isInteger(at) && (limit === null || Number.isInteger(limit));
}

/** One entry of a stream. */
export interface StreamEntry {
  readonly key: string;
  readonly item: JsonValue;
}

/** Applies one op to the list of its stream; `stream` and `store_id` are the caller's to route by. */
export function applyStreamOp(list: StreamList, op: StreamOp): void {
  if (op.op === "insert") list.insert(op.item_key, op.at, op.item, op.limit);
  else if (op.op === "delete") list.delete(op.item_key);
  else list.reset();
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
