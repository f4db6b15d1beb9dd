import {
  type Envelope,
  type JsonValue,
  type PatchOp,
  STORE_ID_KEY,
  STREAM_KEY,
  type StoreId,
  type StoreNode,
  type StreamOp,
} from "@musubi/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { consoleLogger } from "../logger.js";
import { deepFreeze } from "./freeze.js";
import { Snapshots } from "./snapshot.js";
import type { StoreRecord } from "./store-record.js";
import { StoreTree } from "./store-tree.js";
import { notifyStores, subscribeRecord } from "./subscribers.js";
import { applyNaively, type Doc, Generator, Model, storesOf } from "./tree-model.test.util.js";

/** The record of a store that is in the tree, taken hold of on the way down from the root. */
function reach(tree: StoreTree, id: StoreId): StoreRecord {
  const look = (value: Doc, owner: StoreRecord): StoreRecord | undefined => {
    if (typeof value !== "object" || value === null) return undefined;
    const isStore = !Array.isArray(value) && STORE_ID_KEY in value;
    if (isStore && JSON.stringify(value[STORE_ID_KEY]) === JSON.stringify(id)) {
      return id.length === 0 ? owner : tree.recordOf(value as unknown as StoreNode, owner);
    }
    for (const member of Object.values(value)) {
      if (!storesOf(member).some(([each]) => JSON.stringify(each) === JSON.stringify(id))) continue;
      return look(member, isStore ? tree.recordOf(value as unknown as StoreNode, owner) : owner);
    }
    return undefined;
  };
  return look(tree.root as unknown as Doc, tree.rootRecord) as StoreRecord;
}

const envelope = (version: number, ops: readonly PatchOp[], stream_ops: readonly StreamOp[] = []): Envelope => ({
  type: "patch",
  root_id: "r",
  base_version: version - 1,
  version,
  ops,
  stream_ops,
});

const replaceRoot = (value: unknown): PatchOp => ({ op: "replace", path: "", value: value as JsonValue });
const store = (id: string[], fields: object = {}): object => ({ [STORE_ID_KEY]: id, ...fields });

describe("the tree of a root", () => {
  test("client.md 8 to 13, protocol.md 3 to 5: random envelopes against a model that rebuilds everything", () => {
    const run = (choices: readonly number[]): void => {
      let next = 0;
      const pick = (below: number): number => (choices[next++ % choices.length] as number) % below;
      const generator = new Generator(pick);
      const model = new Model();
      const tree = new StoreTree();
      // Either stores are asked for by id, or reached from the root as proxies do: then few of them have records.
      const isAskedById = pick(2) === 0;
      const snapshots = new Snapshots(tree, consoleLogger);
      const calls = new Map<string, number>();
      // Between two looks the tree is changed in place; what was seen is frozen, so that a write to it throws.
      const lookEvery = 1 + pick(2) * pick(6);
      interface Watched {
        id: StoreId;
        record: StoreRecord;
        snapshot: unknown;
        expected: string;
        seen: string;
        told: number;
      }
      const watched = new Map<string, Watched>();
      const watch = (id: StoreId): void => {
        const key = JSON.stringify(id);
        if (watched.has(key)) return;
        const record = isAskedById ? tree.record(id) : reach(tree, id);
        subscribeRecord(tree, record, () => calls.set(key, (calls.get(key) ?? 0) + 1));
        const snapshot = snapshots.read(record);
        const expected = JSON.stringify(model.read(id));
        watched.set(key, { id, record, snapshot, expected, seen: expected, told: 0 });
      };
      for (let step = 0; step < 12; step++) {
        const isInitial = step === 0 || pick(8) === 0;
        const restored = pick(2) === 0 && step > 0 ? structuredClone(model.doc) : generator.root();
        const ops = isInitial ? [replaceRoot(restored)] : generator.ops(model.doc);
        const holder = { root: structuredClone(model.doc) };
        for (const op of ops) applyNaively(holder, op);
        const streamOps = isAskedById ? generator.streamOps(holder.root) : [];
        if (!isInitial && pick(4) === 0) {
          const broken = [...ops, { op: "remove", path: "/no/such/place" } as const];
          const before = pick(2) === 0 ? tree.root : undefined;
          expect(() => tree.applyPatch(envelope(step, broken, streamOps))).toThrow();
          if (before !== undefined) expect(tree.root).toBe(before);
        }
        model.apply(ops, streamOps, isInitial);
        const applied = envelope(step, ops, streamOps);
        calls.clear();
        notifyStores(isInitial ? tree.applyInitial(applied) : tree.applyPatch(applied), consoleLogger);
        const isLookedAt = step % lookEvery === 0;
        if (isLookedAt) deepFreeze(tree.root);
        for (const [key, seen] of watched) {
          const expected = model.read(seen.id);
          const text = JSON.stringify(expected);
          expect(calls.get(key) ?? 0).toBeLessThanOrEqual(1);
          if (text !== seen.expected) expect(calls.get(key)).toBe(1);
          seen.expected = text;
          seen.told += calls.get(key) ?? 0;
          if (!isLookedAt) continue;
          const snapshot = snapshots.read(isAskedById ? tree.record(seen.id) : seen.record);
          expect(snapshot).toEqual(expected);
          if (seen.told === 0) expect(snapshot).toBe(seen.snapshot);
          if (text !== seen.seen) expect(snapshot).not.toBe(seen.snapshot);
          seen.snapshot = snapshot;
          seen.seen = text;
          seen.told = 0;
        }
        const stores = storesOf(model.doc);
        for (let count = pick(4); count > 0; count--) watch((stores[pick(stores.length)] as [StoreId, Doc])[0]);
      }
      expect(snapshots.read(tree.rootRecord)).toEqual(model.read([]));
    };
    fc.assert(fc.property(fc.array(fc.nat(10_000), { minLength: 40, maxLength: 400 }), run), { numRuns: 500 });
  });

  test("protocol.md 3: in a fresh tree a store keeps its identity wherever it moved, and its listeners are not told", () => {
    const tree = new StoreTree();
    const row = (id: string, n = 0): object =>
      store([id], { n, inner: { deep: [1, { n }] }, child: store([`${id}.c`], { n }) });
    tree.applyInitial(
      envelope(1, [replaceRoot(store([], { left: [row("a"), row("b")], right: [row("c")], box: { one: row("d") } }))]),
    );
    const heard: string[] = [];
    for (const id of ["a", "b", "c", "d", "d.c"]) subscribeRecord(tree, tree.record([id]), () => heard.push(id));
    const nodes = ["a", "b", "c", "d"].map((id) => tree.record([id]).node);
    const fresh = store([], {
      left: [row("d"), row("c")],
      right: [row("b", 1), row("a")],
      box: { one: null },
      more: {},
    });
    notifyStores(tree.applyInitial(envelope(1, [replaceRoot(fresh)])), consoleLogger);
    expect(heard).toEqual(["b"]);
    expect(tree.root).toEqual(fresh);
    const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => tree.record([id]).node);
    expect([a, c, d].map((node, at) => node === [nodes[0], nodes[2], nodes[3]][at])).toEqual([true, true, true]);
    expect(b).not.toBe(nodes[1]);
    expect(tree.root).toMatchObject({ left: [d, c], right: [b, a] });
    // The records follow: the next op finds them in their new places.
    notifyStores(tree.applyPatch(envelope(2, [{ op: "replace", path: "/left/0/child/n", value: 7 }])), consoleLogger);
    expect(heard.slice(1).sort()).toEqual(["d", "d.c"]);
  });

  test("client.md 8: a tree that was looked at is never written to; between two looks it is one object", () => {
    const tree = new StoreTree();
    tree.applyInitial(envelope(1, [replaceRoot(store([], { rows: [store(["a"], { n: 1 })] }))]));
    const apply = (value: number) => tree.applyPatch(envelope(2, [{ op: "replace", path: "/rows/0/n", value }]));
    const record = tree.record(["a"]);
    const seen = [deepFreeze(tree.root)];
    for (let n = 2; n < 6; n++) {
      expect(apply(n)).toContain(record);
      expect(apply(n * 10)).toContain(record);
      // A look at a store counts as well as one at the tree.
      if (n % 2 === 0) expect(deepFreeze(record.node)).toMatchObject({ n: n * 10 });
      else seen.push(deepFreeze(tree.root));
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.at(-1)).toEqual(store([], { rows: [store(["a"], { n: 50 })] }));
  });

  test("client.md 9, 10: stores are found by id however many came and went since the first look-up", () => {
    const tree = new StoreTree();
    tree.applyInitial(envelope(1, [replaceRoot(store([], { rows: [store(["first"], { n: 0 })], box: {} }))]));
    expect(tree.find(["first"])?.node).toMatchObject({ n: 0 });
    for (let n = 0; n < 3000; n++) {
      const value = store([String(n)], { n, below: { inner: store([`in ${n}`], { n }) } }) as JsonValue;
      tree.applyPatch(envelope(2, [{ op: "add", path: "/rows/0", value }]));
      if (n % 7 === 0) expect(tree.find([`in ${n}`])?.node).toMatchObject({ n });
      if (n % 3 > 0) tree.applyPatch(envelope(3, [{ op: "remove", path: "/rows/0" }]));
      const isThere = n % 3 === 0;
      if (n % 5 === 0) expect(tree.find([String(n)])?.node !== undefined).toBe(isThere);
      if (n > 90 && n % 11 === 0) expect(tree.find([`in ${n - 90}`])?.node !== undefined).toBe((n - 90) % 3 === 0);
    }
    expect(tree.find(["first"])?.node).toMatchObject({ n: 0 });
  });

  test("client.md 10: a listener hears of its own subtree, never of a sibling", () => {
    const tree = new StoreTree();
    tree.applyInitial(
      envelope(1, [replaceRoot(store([], { rows: [store(["a"], { n: 1 }), store(["b"], { n: 1 })] }))]),
    );
    const heard: string[] = [];
    for (const id of [[], ["a"], ["b"]]) subscribeRecord(tree, tree.record(id), () => heard.push(id.join() || "root"));
    const ops: PatchOp[] = [
      { op: "replace", path: "/rows/0/n", value: 2 },
      { op: "replace", path: "/rows/0/n", value: 3 },
    ];
    notifyStores(tree.applyPatch(envelope(2, ops)), consoleLogger);
    expect(heard.sort()).toEqual(["a", "root"]);
  });

  test("runtime: a listener of an absent store hears when it appears, changes and leaves", () => {
    const tree = new StoreTree();
    let calls = 0;
    subscribeRecord(tree, tree.record(["x"]), () => calls++);
    const apply = (version: number, ops: PatchOp[]) =>
      notifyStores(tree.applyPatch(envelope(version, ops)), consoleLogger);
    notifyStores(tree.applyInitial(envelope(1, [replaceRoot(store([], { rows: [] }))])), consoleLogger);
    expect(calls).toBe(0);
    apply(2, [{ op: "add", path: "/rows/0", value: store(["x"], { n: 1 }) as JsonValue }]);
    expect(calls).toBe(1);
    apply(3, [{ op: "replace", path: "/rows/0/n", value: 2 }]);
    expect(calls).toBe(2);
    apply(4, [{ op: "remove", path: "/rows/0" }]);
    expect(calls).toBe(3);
  });

  test("protocol.md 5: a moved store keeps its streams; one that comes back later starts empty", () => {
    const tree = new StoreTree();
    const row = store(["x"], { log: { [STREAM_KEY]: "log" } }) as JsonValue;
    const insert: StreamOp = {
      op: "insert",
      stream: "log",
      ref: "0",
      store_id: ["x"],
      item_key: "1",
      at: -1,
      item: "one",
      limit: null,
    };
    tree.applyInitial(envelope(1, [replaceRoot(store([], { left: [row], right: [] }))], [insert]));
    const move: PatchOp[] = [
      { op: "add", path: "/right/0", value: row },
      { op: "remove", path: "/left/0" },
    ];
    tree.applyPatch(envelope(2, move));
    expect(tree.streamItems(tree.record(["x"]), "log")).toEqual(["one"]);
    tree.applyPatch(envelope(3, [{ op: "remove", path: "/right/0" }]));
    tree.applyPatch(envelope(4, [{ op: "add", path: "/left/0", value: row }]));
    expect(tree.streamItems(tree.record(["x"]), "log")).toEqual([]);
  });

  test("client.md 9: what nobody looked at has no record, and looking through a proxy's eyes walks nothing", () => {
    const tree = new StoreTree();
    const rows = Array.from({ length: 100 }, (_, n) => store([String(n)], { n }));
    tree.applyInitial(envelope(1, [replaceRoot(store([], { rows }))]));
    const first = (tree.root as unknown as { rows: never[] }).rows[0] as never;
    const record = tree.recordOf(first, tree.rootRecord);
    tree.applyPatch(envelope(2, [{ op: "replace", path: "/rows/0/n", value: -1 }]));
    expect(record.node).toMatchObject({ n: -1 });
  });

  test("client.md 18: prototype keys never reach a prototype", () => {
    const tree = new StoreTree();
    tree.applyInitial(envelope(1, [replaceRoot(store([], {}))]));
    for (const path of ["/__proto__/x", "/constructor/prototype/x", "/prototype"]) {
      expect(() => tree.applyPatch(envelope(2, [{ op: "add", path, value: 1 }]))).toThrow();
    }
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});
