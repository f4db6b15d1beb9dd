import { type Envelope, type JsonValue, STORE_ID_KEY, STREAM_KEY, type StreamOp } from "@musubi/protocol";
import { describe, expect, it } from "vitest";
import { consoleLogger } from "../logger.js";
import { Snapshots } from "./snapshot.js";
import { StoreTree } from "./store-tree.js";
import { streamKeys } from "./stream-keys.js";

const CHILD = ["x"];

function append(item_key: string, item: JsonValue): StreamOp {
  return { op: "insert", stream: "log", store_id: CHILD, item_key, at: -1, item, limit: null };
}

function envelope(version: number, value: JsonValue | undefined, stream_ops: readonly StreamOp[]): Envelope {
  const ops = value === undefined ? [] : [{ op: "replace" as const, path: "", value }];
  return { type: "patch", root_id: "1", base_version: version - 1, version, ops, stream_ops };
}

/** A root with one store that has a stream of two equal items. */
function mounted() {
  const tree = new StoreTree();
  const snapshots = new Snapshots(tree, consoleLogger);
  const root = { [STORE_ID_KEY]: [], x: { [STORE_ID_KEY]: CHILD, log: { [STREAM_KEY]: "log" } } };
  tree.applyInitial(envelope(1, root, [append("a", "same"), append("b", "same")]));
  const read = (): readonly unknown[] =>
    (snapshots.read(tree.rootRecord) as { readonly x: { readonly log: readonly unknown[] } }).x.log;
  return { tree, read };
}

describe("the keys of a stream", () => {
  it("rule 13: are found by what was read of it, also through a store around its own", () => {
    const { tree, read } = mounted();
    const items = read();
    expect(items).toEqual(["same", "same"]);
    expect(streamKeys(tree.rootRecord, items)).toEqual(["a", "b"]);
    expect(streamKeys(tree.record(CHILD), items)).toBe(streamKeys(tree.rootRecord, items));
  });

  it("rule 13: stay those of what was read when the stream has changed since", () => {
    const { tree, read } = mounted();
    const before = read();
    const keys = streamKeys(tree.rootRecord, before);
    tree.applyPatch(envelope(2, undefined, [append("c", "new")]));
    const after = read();
    expect(streamKeys(tree.rootRecord, before)).toBe(keys);
    expect(streamKeys(tree.rootRecord, after)).toEqual(["a", "b", "c"]);
  });

  it("rule 13: are found by what was read of the wire tree, and are none for an empty one", () => {
    const { tree, read } = mounted();
    const record = tree.record(CHILD);
    tree.applyPatch(envelope(2, undefined, [append("b", "other")]));
    expect(streamKeys(record, tree.streamItems(record, "log"))).toEqual(["a", "b"]);
    tree.applyPatch(envelope(3, undefined, [{ op: "reset", stream: "log", store_id: CHILD }]));
    expect(read()).toEqual([]);
    expect(streamKeys(record, read())).toEqual([]);
  });
});
