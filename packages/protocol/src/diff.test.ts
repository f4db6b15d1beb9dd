import { describe, expect, it } from "vitest";
import { applyPatch } from "./apply-patch.js";
import { diff } from "./diff.js";
import type { JsonObject } from "./json.js";
import { deepFreeze, mutated, NAMES, Random, randomValue } from "./random-json.test.util.js";
import { STORE_ID_KEY } from "./store-id.js";

const CASES = 10_000;

function store(id: string, fields: JsonObject = {}): JsonObject {
  return { [STORE_ID_KEY]: ["rows", id], ...fields };
}

function rows(count: number): JsonObject[] {
  return Array.from({ length: count }, (_, at) => store(`row ${at}`, { title: `Row number ${at}`, n: at }));
}

describe("diff", () => {
  it(`applyPatch(prev, diff(prev, next)) deep-equals next, on ${CASES} pairs that share parts or nothing`, () => {
    const names = [...NAMES, "constructor", "prototype"];
    let ops = 0;
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed);
      const prev = deepFreeze(randomValue(random, 5, names));
      const changed = random.oneIn(5) ? randomValue(random, 5, names) : mutated(random, prev, 5, names);
      const next = deepFreeze(random.oneIn(3) ? structuredClone(changed) : changed);
      const patch = deepFreeze(diff(prev, next));
      ops += patch.length;
      expect(applyPatch(prev, patch), `seed ${seed}`).toEqual(next);
    }
    expect(ops).toBeGreaterThan(CASES / 2);
  });

  it("finds nothing between equal documents, identical or not", () => {
    for (let seed = 0; seed < 1_000; seed++) {
      const value = randomValue(new Random(seed), 5);
      expect(diff(value, value), `seed ${seed}`).toEqual([]);
      expect(diff(value, structuredClone(value)), `seed ${seed}`).toEqual([]);
    }
  });

  it("looks into nothing that both trees share", () => {
    const shared = new Proxy<JsonObject>(
      {},
      {
        get: () => expect.unreachable("read"),
        ownKeys: () => expect.unreachable("listed"),
      },
    );
    expect(diff({ shared, n: 1 }, { shared, n: 2 })).toEqual([{ op: "replace", path: "/n", value: 2 }]);
    expect(diff([shared, 1, shared], [shared, 2, shared])).toEqual([{ op: "replace", path: "/1", value: 2 }]);
  });

  it("changes members of a store one by one, never the store as a whole", () => {
    const prev = store("a", { x: 1, y: 2, z: 3 });
    const next = store("a", { x: 2, z: 4, "n/m": 5 });
    expect(diff(prev, next)).toEqual([
      { op: "remove", path: "/y" },
      { op: "replace", path: "/x", value: 2 },
      { op: "replace", path: "/z", value: 4 },
      { op: "add", path: "/n~1m", value: 5 },
    ]);
  });

  it.each([
    ["another store", store("a", { x: 1 }), store("b", { x: 1 })],
    ["something else than a store", store("a", { x: 1 }), { x: 1 }],
    ["a store instead of something else", { x: 1 }, store("a", { x: 1 })],
  ])("protocol.md 4: %s is replaced whole", (_case, prev, next) => {
    expect(diff({ child: prev }, { child: next })).toEqual([{ op: "replace", path: "/child", value: next }]);
  });

  it("protocol.md 4: no op ever leads into a store id", () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const random = new Random(seed);
      const prev = randomValue(random, 5);
      for (const { path } of diff(prev, mutated(random, prev, 5)))
        expect(path, `seed ${seed}`).not.toContain("__musubi");
    }
  });

  it("a store put before, into or behind a list of 1 000 is one op, and one taken out is one", () => {
    const list = rows(1_000);
    const added = store("new");
    for (const at of [0, 1, 500, 999, 1_000]) {
      expect(diff({ list }, { list: list.toSpliced(at, 0, added) })).toEqual([
        { op: "add", path: `/list/${at}`, value: added },
      ]);
    }
    for (const at of [0, 500, 999]) {
      expect(diff({ list }, { list: list.toSpliced(at, 1) })).toEqual([{ op: "remove", path: `/list/${at}` }]);
    }
  });

  it("also when every store was rendered anew", () => {
    const next = structuredClone(rows(100)).toSpliced(0, 0, store("new"));
    expect(diff(rows(100), next)).toEqual([{ op: "add", path: "/0", value: store("new") }]);
  });

  it("a store that moves is one remove and one add, and the fewest stores move", () => {
    const list = rows(100);
    const last = list.at(-1) ?? store("none");
    expect(diff(list, [last, ...list.slice(0, -1)])).toEqual([
      { op: "remove", path: "/99" },
      { op: "add", path: "/0", value: last },
    ]);
    const swapped = [list[1], list[0], ...list.slice(2)] as JsonObject[];
    expect(diff(list, swapped).length).toBe(2);
  });

  it("a store that changed keeps its place among others that come and go", () => {
    const list = rows(6);
    const next = [store("new"), list[0], { ...list[2], n: -1 }, list[3], list[5]] as JsonObject[];
    expect(diff({ list }, { list: next })).toEqual([
      { op: "remove", path: "/list/4" },
      { op: "remove", path: "/list/1" },
      { op: "add", path: "/list/0", value: store("new") },
      { op: "replace", path: "/list/2/n", value: -1 },
    ]);
  });

  it("a list of stores is replaced when hardly any keeps its place, and not while one in eight does", () => {
    const list = rows(100);
    expect(diff({ list: [] }, { list })).toEqual([{ op: "replace", path: "/list", value: list }]);
    expect(diff({ list }, { list: [] })).toEqual([{ op: "replace", path: "/list", value: [] }]);
    expect(diff({ list }, { list: list.toReversed() }).length).toBe(1);
    expect(diff({ list }, { list: list.slice(0, 50) }).length).toBe(50);
  });

  it("elements put before or taken from a plain array leave the equal ones on both sides alone", () => {
    const prev = [{ a: "first" }, { a: "second" }, { a: "third" }];
    expect(diff(prev, structuredClone([{ a: "new" }, ...prev]))).toEqual([
      { op: "add", path: "/0", value: { a: "new" } },
    ]);
    expect(diff(prev, structuredClone(prev.toSpliced(1, 1)))).toEqual([{ op: "remove", path: "/1" }]);
  });

  it("replaces a plain container when ops would be longer, but none that holds a store", () => {
    expect(diff({ point: [1, 2, 3] }, { point: [4, 5, 6] })).toEqual([
      { op: "replace", path: "/point", value: [4, 5, 6] },
    ]);
    const long = "a text that is long enough to be left alone ".repeat(10);
    expect(diff({ v: { a: 1, b: 2, long } }, { v: { a: 2, b: 3, long } }).length).toBe(2);
    const prev = { v: { a: 1, b: 2, child: store("c") } };
    expect(diff(prev, { v: { ...prev.v, a: 2, b: 3 } }).length).toBe(2);
  });

  it("protocol.md 4: a member that no path may name changes with its object", () => {
    expect(diff({ o: { constructor: 1, b: 1 } }, { o: { constructor: 2, b: 1 } })).toEqual([
      { op: "replace", path: "/o", value: { constructor: 2, b: 1 } },
    ]);
    expect(diff({ o: { prototype: 1 } }, { o: {} })).toEqual([{ op: "replace", path: "/o", value: {} }]);
  });
});
