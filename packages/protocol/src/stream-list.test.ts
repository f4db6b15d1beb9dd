import { describe, expect, it } from "vitest";
import type { JsonValue } from "./json.js";
import { Random } from "./random-json.test.util.js";
import { StreamList } from "./stream-list.js";
import { applyStreamOp, foldStreamOps, type StreamEntry, type StreamOp } from "./stream-ops.js";

/** protocol.md section 5, word for word, on a plain array. */
function naive(entries: readonly StreamEntry[], op: StreamOp): readonly StreamEntry[] {
  if (op.op === "reset") return [];
  const rest = entries.filter(({ key }) => key !== op.item_key);
  if (op.op === "delete") return rest;
  const place = op.at === -1 ? rest.length : op.at <= 0 ? 0 : Math.min(op.at, rest.length);
  rest.splice(place, 0, { key: op.item_key, item: op.item });
  if (op.limit === null) return rest;
  const keep = Math.abs(op.limit);
  if (op.at === 0) return rest.slice(0, keep);
  return rest.slice(Math.max(0, rest.length - keep));
}

function insert(key: string, at: number, item: JsonValue = key, limit: number | null = null): StreamOp {
  return { op: "insert", stream: "s", store_id: [], item_key: key, at, item, limit };
}

function listOf(...keys: string[]): StreamList {
  const list = new StreamList();
  for (const key of keys) list.insert(key, -1, key, null);
  return list;
}

function randomStreamOp(random: Random, keys: number, item: number): StreamOp {
  const key = `key ${random.below(keys)}`;
  const kind = random.below(400);
  if (kind === 0) return { op: "reset", stream: "s", store_id: [] };
  if (kind < 120) return { op: "delete", stream: "s", store_id: [], item_key: key };
  const at = random.pick([-1, -1, 0, -2, -7, 1, random.below(10), random.below(keys), 1_000_000]);
  const limit = random.oneIn(15) ? random.pick([keys, -keys, keys >> 1, -(keys >> 1), random.below(4), -3, 0]) : null;
  return insert(key, at, item, limit);
}

describe("StreamList", () => {
  it.each([4, 40, 400])("protocol.md 5: follows the naive list through random ops on %d keys", (keys) => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Random(seed * 1000 + keys);
      const list = new StreamList();
      let expected: readonly StreamEntry[] = [];
      // Reading closes holes, so some runs read after every op and others seldom.
      const readEvery = 1 + random.below(2) * random.below(300);
      for (let step = 0; step < 1_500; step++) {
        const op = randomStreamOp(random, keys, step);
        applyStreamOp(list, op);
        expected = naive(expected, op);
        if (list.size !== expected.length) expect(list.size, `seed ${seed} step ${step}`).toBe(expected.length);
        if (step % readEvery > 0) continue;
        expect(list.items(), `seed ${seed} step ${step}`).toEqual(expected.map(({ item }) => item));
        expect(list.keys(), `seed ${seed} step ${step}`).toEqual(expected.map(({ key }) => key));
      }
      const held = new Map(expected.map(({ key, item }) => [key, item]));
      for (let key = 0; key < keys; key++) {
        expect(list.get(`key ${key}`), `seed ${seed}`).toBe(held.get(`key ${key}`));
      }
    }
  });

  it.each([
    ["-1 appends", -1, ["a", "b", "c", "x"]],
    ["0 prepends", 0, ["x", "a", "b", "c"]],
    ["-2 prepends", -2, ["x", "a", "b", "c"]],
    ["2 puts it third", 2, ["a", "b", "x", "c"]],
    ["99 is clamped", 99, ["a", "b", "c", "x"]],
  ])("protocol.md 5: at %s", (_rule, at, keys) => {
    const list = listOf("a", "b", "c");
    list.insert("x", at, 1, null);
    expect(list.keys()).toEqual(keys);
  });

  it("protocol.md 5: at is clamped to the length after the entry with the same key is out", () => {
    const list = listOf("a", "b", "c");
    list.insert("a", 2, "new", null);
    expect(list.keys()).toEqual(["b", "c", "a"]);
    expect(list.items()).toEqual(["b", "c", "new"]);
  });

  it.each([
    ["null keeps all", 1, null, ["a", "x", "b", "c"]],
    ["0 empties", 1, 0, []],
    ["2 drops from the front", -1, 2, ["c", "x"]],
    ["-2 means the same", -1, -2, ["c", "x"]],
    ["2 drops from the end when at is 0", 0, 2, ["x", "a"]],
    ["-2 drops from the end when at is 0", 0, -2, ["x", "a"]],
    ["2 drops from the front for another negative at, the new one first", -2, 2, ["b", "c"]],
    ["9 keeps all of fewer", 0, 9, ["x", "a", "b", "c"]],
  ])("protocol.md 5: limit %s", (_rule, at, limit, keys) => {
    const list = listOf("a", "b", "c");
    list.insert("x", at, 1, limit);
    expect(list.keys()).toEqual(keys);
    expect(list.size).toBe(keys.length);
  });

  it("client.md 13: hands out the same array until something changes, and never writes to it after", () => {
    const list = listOf("a", "b");
    const items = list.items();
    const keys = list.keys();
    list.delete("unknown");
    expect(list.items()).toBe(items);
    expect(list.keys()).toBe(keys);
    list.insert("c", -1, 3, null);
    list.insert("z", 0, 0, null);
    list.delete("a");
    expect(list.items()).toEqual([0, "b", 3]);
    expect(items).toEqual(["a", "b"]);
    expect(keys).toEqual(["a", "b"]);
    list.reset();
    const empty = list.items();
    list.reset();
    list.insert("q", 0, 1, 0);
    expect(list.items()).toBe(empty);
    expect(empty).toEqual([]);
  });

  it("protocol.md 5: a limit makes a window that slides along either way for 100 000 items", () => {
    const list = new StreamList();
    for (let step = 0; step < 100_000; step++) list.insert(`key ${step}`, -1, step, 10);
    expect(list.items()).toEqual(Array.from({ length: 10 }, (_, at) => 99_990 + at));
    for (let step = 0; step < 100_000; step++) list.insert(`front ${step}`, 0, step, 10);
    expect(list.items()).toEqual(Array.from({ length: 10 }, (_, at) => 99_999 - at));
  });
});

describe("foldStreamOps", () => {
  it("protocol.md 5: gives the entries after the ops and leaves those before alone", () => {
    const entries = Object.freeze([{ key: "a", item: 1 }]);
    const folded = foldStreamOps(entries, [
      insert("b", 0, 2),
      { op: "delete", stream: "s", store_id: [], item_key: "a" },
    ]);
    expect(folded).toEqual([{ key: "b", item: 2 }]);
    expect(entries).toEqual([{ key: "a", item: 1 }]);
    expect(foldStreamOps(entries, [])).toBe(entries);
  });
});
