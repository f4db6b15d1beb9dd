import { describe, expect, it } from "vitest";
import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import type { PatchOp } from "./patch-op.js";
import { parsePointer } from "./pointer.js";
import { containersOf, deepFreeze, Random, randomOp, randomValue } from "./random-json.test.util.js";
import { type DraftObserver, TreeDraft } from "./tree-draft.js";

type Container = JsonObject | JsonArray;

/** Writes down what a draft reports. */
class Recorder implements DraftObserver {
  readonly entered: [Container, Container][] = [];
  readonly heard: string[] = [];

  enter(node: Container, previous: Container): void {
    this.entered.push([node, previous]);
    this.heard.push(node === previous ? "enter owned" : "enter copy");
  }

  removed(value: Container): void {
    this.heard.push(`removed ${JSON.stringify(value)}`);
  }

  inserted(value: Container): void {
    this.heard.push(`inserted ${JSON.stringify(value)}`);
  }

  get copies(): Container[] {
    return this.entered.filter(([node, previous]) => node !== previous).map(([node]) => node);
  }
}

describe("TreeDraft", () => {
  it("client.md 8, 9: copies each container on a path once per draft and shares all others, on 10 000 random patches", () => {
    for (let seed = 0; seed < 10_000; seed++) {
      const random = new Random(seed);
      const base = deepFreeze(randomValue(random, 5));
      const recorder = new Recorder();
      const draft = new TreeDraft(base, recorder);
      const values: JsonValue[] = [];
      const made = new Set<object>();
      for (let left = random.below(8); left > 0; left--) {
        const op = deepFreeze(randomOp(random, draft.root));
        if (op.op !== "remove") values.push(op.value);
        const from = recorder.entered.length;
        const before = draft.root;
        draft.apply(op);
        const tokens = parsePointer(op.path);
        const steps = recorder.entered.slice(from);
        expect(steps.length, `seed ${seed}`).toBe(tokens.length);
        expect(steps[0]?.[1] ?? before, `seed ${seed}: the root comes first`).toBe(before);
        for (const [at, [node, previous]] of steps.entries()) {
          const rebuilt = op.op === "remove" && at === steps.length - 1 && !Array.isArray(node);
          // Copied again although it was a copy already: only an object that loses a member may be.
          if (node !== previous && !rebuilt) expect(made.has(previous), `seed ${seed}`).toBe(false);
          if (node === previous) expect(made.has(node), `seed ${seed}`).toBe(true);
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
    const recorder = new Recorder();
    const base = deepFreeze({
      rows: [
        { n: 1, m: 1 },
        { n: 2, m: 2 },
      ],
      rest: {},
    });
    const draft = new TreeDraft(base, recorder);
    const ops: PatchOp[] = [];
    for (let value = 10; value < 20; value++) {
      ops.push({ op: "replace", path: "/rows/0/n", value }, { op: "replace", path: "/rows/1/m", value });
      ops.push({ op: "add", path: "/rows/0", value }, { op: "remove", path: "/rows/0" });
    }
    for (const op of ops) draft.apply(op);
    expect(recorder.copies.length).toBe(4);
    expect(draft.root).toEqual({
      rows: [
        { n: 19, m: 1 },
        { n: 2, m: 19 },
      ],
      rest: {},
    });
    expect((draft.root as typeof base).rest).toBe(base.rest);
  });

  it("tells what it entered, removed and inserted, in order, for containers only", () => {
    const recorder = new Recorder();
    const draft = new TreeDraft({ a: { b: { c: 1 } }, list: [[1], 2] }, recorder);
    draft.apply({ op: "replace", path: "/a/b", value: [5] });
    draft.apply({ op: "replace", path: "/a/b/0", value: 6 });
    draft.apply({ op: "remove", path: "/list/0" });
    draft.apply({ op: "add", path: "/list/-", value: {} });
    draft.apply({ op: "add", path: "/x", value: null });
    draft.apply({ op: "replace", path: "", value: 1 });
    const steps = [
      ["enter copy", "enter copy", 'removed {"c":1}', "inserted [5]"],
      ["enter owned", "enter owned", "enter copy"],
      ["enter owned", "enter copy", "removed [1]"],
      ["enter owned", "enter owned", "inserted {}"],
      ["enter owned"],
      ['removed {"a":{"b":[6]},"list":[2,{}],"x":null}'],
    ];
    expect(recorder.heard).toEqual(steps.flat());
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

  it("touch gives a path a new identity and changes no value", () => {
    const recorder = new Recorder();
    const base = deepFreeze({ list: [{ store: { log: {} } }, {}], other: {} });
    const draft = new TreeDraft(base, recorder);
    draft.touch(["list", 0, "store"]);
    const root = draft.root as typeof base;
    expect(root).toEqual(base);
    expect(recorder.copies.length).toBe(4);
    expect(root.list[0]?.store).not.toBe(base.list[0]?.store);
    expect(root.list[0]?.store?.log).toBe(base.list[0]?.store?.log);
    expect(root.list[1]).toBe(base.list[1]);
    expect(root.other).toBe(base.other);
    draft.touch(["list", "0"]);
    draft.touch([]);
    expect(recorder.copies.length).toBe(4);
  });

  it("touch goes with ops that moved and inserted containers", () => {
    const value = deepFreeze({ inner: {} });
    const draft = new TreeDraft(deepFreeze({ list: [{ id: 1 }] }));
    draft.apply({ op: "add", path: "/list/0", value });
    draft.touch(["list", 0, "inner"]);
    draft.touch(["list", 1]);
    expect(draft.root).toEqual({ list: [{ inner: {} }, { id: 1 }] });
    expect((draft.root as { list: unknown[] }).list[0]).not.toBe(value);
  });

  it.each([[["nothing"]], [["a", "b"]], [["list", 1]], [["list", "00"]], [["toString"]]])(
    "touch of %j, where there is no container, is path_not_found",
    (tokens) => {
      const draft = new TreeDraft({ a: { b: 1 }, list: [{}] });
      expect(() => draft.touch(tokens)).toThrow(expect.objectContaining({ code: "path_not_found" }));
    },
  );
});
