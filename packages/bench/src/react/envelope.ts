import type { Change, LogItem } from "./subject.js";

/** The envelope after `version`. */
export function envelopeOf(version: number, ops: readonly object[], streamOps: readonly object[]): object {
  return { type: "patch", root_id: "1", base_version: version, version: version + 1, ops, stream_ops: streamOps };
}

/** The ops of a change: those of the tree, and those of the stream. */
export function opsOf(change: Change): [ops: readonly object[], streamOps: readonly object[]] {
  if (change.kind === "row") {
    return [[{ op: "replace", path: `/rows/${change.at}/votes`, value: change.row.votes }], []];
  }
  const { item } = change;
  if (change.kind === "append") return [[], [insertOf(item)]];
  return [[], [{ op: "delete", stream: "log", store_id: [], item_key: item.id }]];
}

/** The op that appends an item to the log. */
export function insertOf({ id, text }: LogItem): object {
  return { op: "insert", stream: "log", store_id: [], item_key: id, at: -1, item: { text }, limit: null };
}
