import { describe, expect, it } from "vitest";
import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import type { PatchOp } from "./patch-op.js";
import { parsePointer } from "./pointer.js";
import { containersOf, deepFreeze, Random, randomOp, randomValue } from "./random-json.test.util.js";
import { type Trail, TreeDraft } from "./tree-draft.js";

type Container = JsonObject | JsonArray;

/** The containers of a trail, outermost first. */
function nodesOf(trail: Trail | undefined): Container[] {
  return trail === undefined ? [] : [trail.node, ...nodesOf(trail.below)];
}

/** The containers that a path leads through, outermost first. */
function pathThrough(root: JsonValue, path: string): Container[] {
  let value: JsonValue | undefined = root;
  return parsePointer(path).map((token) => {
    const container = value as Container;
    value = (container as Readonly<Record<string, JsonValue>>)[token];
    return container;
  });
}

describe("TreeDraft", () => {
  it("client.md 8, 9: copies each container on a path once per draft and shares all others, on 10 000 random patches", () => {
    for (let seed = 0; seed < 10_000; seed++) {
      const random = new Random(seed);
      const base = deepFreeze(randomValue(random, 5));
      const draft = new TreeDraft(base);
      const values: JsonValue[] = [];
      const made = new Set<object>();
      for (let left = random.below(8); left > 0; left--) {
        const op = deepFreeze(randomOp(random, draft.root));
        if (op.op !== "remove") values.push(op.value);
        const before = pathThrough(draft.root, op.path);
        const trail = nodesOf(draft.apply(op));
        const after = pathThrough(draft.root, op.path);
        expect(trail, `seed ${seed}: each container on the path, outermost first`).toHaveLength(after.length);
        for (const [at, node] of after.entries()) {
          expect(trail[at], `seed ${seed}`).toBe(node);
          const previous = before[at] as Container;
          const rebuilt = op.op === "remove" && at === after.length - 1 && !Array.isArray(node);
          // Copied again although it was a copy already: only an object that loses a member may be.
          if (!rebuilt) expect(node === previous, `seed ${seed}`).toBe(made.has(previous));
          made.add(node);
        }
      }
      const shared = containersOf(base);
      for (const value of values) containersOf(value, shared);
      for (const container of containersOf(draft.root)) {
        expect(shared.has(container) || made.has(container), `seed ${seed}`).toBe(true);
      }
    }
  });

  it("makes one copy of each container however many ops touch it", () => {
    const base = deepFreeze({
      rows: [
        { n: 1, m: 1 },
        { n: 2, m: 2 },
      ],
      rest: {},
    });
    const draft = new TreeDraft(base);
    draft.apply({ op: "replace", path: "/rows/0/n", value: 9 });
    draft.apply({ op: "replace", path: "/rows/1/m", value: 9 });
    const copies = [draft.root, (draft.root as typeof base).rows, ...(draft.root as typeof base).rows];
    const ops: PatchOp[] = [];
    for (let value = 10; value < 20; value++) {
      ops.push({ op: "replace", path: "/rows/0/n", value }, { op: "replace", path: "/rows/1/m", value });
      ops.push({ op: "add", path: "/rows/0", value }, { op: "remove", path: "/rows/0" });
    }
    for (const op of ops) draft.apply(op);
    const after = [draft.root, (draft.root as typeof base).rows, ...(draft.root as typeof base).rows];
    for (const [at, copy] of copies.entries()) expect(after[at]).toBe(copy);
    expect(draft.root).toEqual({
      rows: [
        { n: 19, m: 1 },
        { n: 2, m: 19 },
      ],
      rest: {},
    });
    expect((draft.root as typeof base).rest).toBe(base.rest);
  });

  it("returns of each op what it led through, outermost first, and what it took away at the end", () => {
    const draft = new TreeDraft({ a: { b: { c: 1 } }, list: [[1], 2] });
    const steps: readonly (readonly [op: PatchOp, through: readonly string[], removed?: JsonValue])[] = [
      [{ op: "replace", path: "/a/b", value: [5] }, ["a,list", "b"], { c: 1 }],
      [{ op: "replace", path: "/a/b/0", value: 6 }, ["a,list", "b", "0"], 5],
      [{ op: "remove", path: "/list/0" }, ["a,list", "0"], [1]],
      [{ op: "add", path: "/list/-", value: {} }, ["a,list", "0,1"]],
      [{ op: "add", path: "/x", value: null }, ["a,list,x"]],
      [{ op: "remove", path: "/x" }, ["a,list"], null],
      [{ op: "replace", path: "", value: 1 }, []],
    ];
    for (const [op, through, removed] of steps) {
      const trail = draft.apply(op);
      expect(nodesOf(trail).map((node) => Object.keys(node).join())).toEqual(through);
      let end = trail;
      for (; end?.below !== undefined; end = end.below) expect(end.removed).toBeUndefined();
      expect(end?.removed).toEqual(removed);
    }
  });

  it("an op that throws has changed nothing, also in what the draft made", () => {
    const draft = new TreeDraft({ a: { b: { c: 1 } }, list: [1] });
    draft.apply({ op: "replace", path: "/a/b/c", value: 2 });
    const root = draft.root;
    const paths = ["/a/b/x", "/a/b/c/d", "/list/1", "/list/-", "/a/b/__proto__", "/a/b/~2"];
    for (const path of paths) expect(() => draft.apply({ op: "replace", path, value: 3 })).toThrow();
    expect(draft.root).toBe(root);
    expect(root).toEqual({ a: { b: { c: 2 } }, list: [1] });
  });

  it("begin leaves all that was made so far as it is", () => {
    const draft = new TreeDraft({ list: [{ n: 1 }] });
    draft.apply({ op: "add", path: "/list/0", value: { n: 0 } });
    const before = draft.root;
    const text = JSON.stringify(before);
    draft.begin(before);
    draft.apply({ op: "replace", path: "/list/0/n", value: 5 });
    draft.apply({ op: "add", path: "/list/-", value: 6 });
    expect(JSON.stringify(before)).toBe(text);
    expect(draft.root).toEqual({ list: [{ n: 5 }, { n: 1 }, 6] });
  });

  it("starts over from the value that replaces the root, and never writes to it", () => {
    const value = deepFreeze({ a: { n: 1 }, b: {} });
    const draft = new TreeDraft({ old: {} });
    draft.apply({ op: "remove", path: "/old" });
    draft.apply({ op: "replace", path: "", value });
    expect(draft.root).toBe(value);
    draft.apply({ op: "replace", path: "/a/n", value: 2 });
    draft.apply({ op: "replace", path: "/a/n", value: 3 });
    expect(draft.root).toEqual({ a: { n: 3 }, b: {} });
    expect((draft.root as typeof value).b).toBe(value.b);
  });
});
