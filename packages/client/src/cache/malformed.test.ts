import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AnyRegistry,
  type CachePersister,
  createMemoryPersister,
  createStorageCachePersister,
  type MusubiConnection,
  storeCacheKey,
} from "../index.js";
import { CacheWorld, recordOf, turn } from "./cache-setup.test.util.js";

const ROOT = { module: "List", id: "1" };
const KEY = storeCacheKey(ROOT);
const SHOWN = { __musubi_store_id__: [], title: "server" };

let world: CacheWorld;
let connection: MusubiConnection<AnyRegistry>;

beforeEach(async () => {
  world = new CacheWorld();
  world.server.store("List", () => ({ title: "server" }));
  connection = await world.connect();
});

afterEach(() => world.close());

/** A value of JSON this many levels deep. */
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const good = JSON.stringify(recordOf({ title: "cached" }));
const withTree = (tree: string): string => `{"format":1,"buster":"","savedAt":1000000,"streams":[],"tree":${tree}}`;
const withStreams = (streams: string): string =>
  `{"format":1,"buster":"","savedAt":1000000,"tree":{"__musubi_store_id__":[]},"streams":${streams}}`;

/** Texts that a storage may hold where a record should be. */
const MALFORMED: Readonly<Record<string, string>> = {
  "no JSON": "{",
  "an empty text": "",
  null: "[null]",
  "a number": "7",
  "a string": '"x"',
  "a list": "[]",
  "an empty object": "{}",
  "another format": good.replace('"format":1', '"format":2'),
  "a format of another type": good.replace('"format":1', '"format":"1"'),
  "no buster": good.replace('"buster":"",', ""),
  "a savedAt that is no number": good.replace("1000000", '"1000000"'),
  "no tree": withTree("null"),
  "a tree that is a text": withTree('"x"'),
  "a tree that is a list": withTree("[]"),
  "a tree that is no store": withTree('{"title":"x"}'),
  "a tree that is another store": withTree('{"__musubi_store_id__":["a"]}'),
  "a tree whose id is a text": withTree('{"__musubi_store_id__":"x"}'),
  "a prototype key": withTree('{"__musubi_store_id__":[],"__proto__":{"polluted":true}}'),
  "a prototype key far down": withTree('{"__musubi_store_id__":[],"a":[{"b":{"__proto__":{"polluted":true}}}]}'),
  "a tree of 300 levels": withTree(`{"__musubi_store_id__":[],"a":${deep(300)}}`),
  "a tree of 100 000 levels": withTree(`{"__musubi_store_id__":[],"a":${deep(100_000)}}`),
  "no streams": good.replace('"streams":[]', '"streams":null'),
  "streams that are an object": withStreams('{"a":1}'),
  "streams of null": withStreams("[null]"),
  "a stream without keys": withStreams('[{"store_id":[],"stream":"s","items":[]}]'),
  "a stream whose keys are a text": withStreams('[{"store_id":[],"stream":"s","keys":"abc","items":["a","b","c"]}]'),
  "a stream whose keys are numbers": withStreams('[{"store_id":[],"stream":"s","keys":[1],"items":[1]}]'),
  "a stream with fewer items than keys": withStreams('[{"store_id":[],"stream":"s","keys":["a","b"],"items":[1]}]'),
  "a stream of no store": withStreams('[{"store_id":"x","stream":"s","keys":["a"],"items":[1]}]'),
  "a stream without a name": withStreams('[{"store_id":[],"keys":["a"],"items":[1]}]'),
  "a stream with a prototype key": withStreams(
    '[{"store_id":[],"stream":"s","keys":["a"],"items":[{"__proto__":{"polluted":true}}]}]',
  ),
  "a stream of 300 levels": withStreams(`[{"store_id":[],"stream":"s","keys":["a"],"items":[${deep(300)}]}]`),
  "10 MB": withTree(`{"__musubi_store_id__":[],"a":"${"x".repeat(10_000_000)}"}`),
};

test("a record that is as it should be is shown", () => {
  const opened = connection.openRoot({ ...ROOT, cache: { persister: holding(good) } });
  expect(opened.store.snapshot()).toMatchObject({ title: "cached" });
});

/** A persister on a storage with this text for the root. */
function holding(text: string, texts: Map<string, string> = new Map()): CachePersister {
  texts.set(`musubi:${KEY}`, text);
  const storage = {
    getItem: (key: string) => texts.get(key),
    setItem: (key: string, value: string) => texts.set(key, value),
    removeItem: (key: string) => texts.delete(key),
  };
  return createStorageCachePersister({ storage, now: () => world.clock.now() });
}

describe("client.md 17 and 18: a malformed entry is a cold mount with one warning, and is deleted", () => {
  test.each(Object.keys(MALFORMED))("%s", async (name) => {
    const texts = new Map<string, string>();
    const persister = holding(MALFORMED[name] as string, texts);
    const opened = connection.openRoot({ ...ROOT, cache: { persister } });
    expect(opened.state.current).toEqual({ status: "loading", fromCache: false });
    expect(texts.size).toBe(0);
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
    await opened.revalidated;
    expect(opened.store.snapshot()).toEqual(SHOWN);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    world.clock.advance(1_000);
    await turn();
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
  });
});

describe("client.md 18: objects that no JSON can say are refused as well", () => {
  const record = recordOf({});
  const hostile: Readonly<Record<string, unknown>> = {
    "a function": () => {},
    "a getter that throws": Object.defineProperty({}, "format", { get: () => expect.fail("boom") }),
    "keys that call themselves": { ...record, streams: [{ keys: { forEach: (f: unknown) => (f as () => void)() } }] },
    "a tree that holds itself": (() => {
      const tree: Record<string, unknown> = { __musubi_store_id__: [] };
      tree["self"] = tree;
      return { ...record, tree };
    })(),
    "savedAt NaN": { ...record, savedAt: Number.NaN },
  };
  test.each(Object.keys(hostile))("%s", async (name) => {
    const persister = { ...createMemoryPersister(), get: () => hostile[name], set: () => {}, delete: () => {} };
    const opened = connection.openRoot({ ...ROOT, cache: { persister } });
    expect(opened.state.current.fromCache).toBe(false);
    await opened.revalidated;
    expect(opened.store.snapshot()).toEqual(SHOWN);
  });
});

describe("client.md 17: a persister that fails is a cold mount with one warning; nothing throws out", () => {
  const boom = (): never => {
    throw new Error("broken");
  };
  const rejects = () => Promise.reject(new Error("broken"));
  const never = () => new Promise<never>(() => {});
  const works: CachePersister = { get: () => undefined, set: () => {}, delete: () => {}, keys: () => [] };
  const cases: Readonly<Record<string, { readonly persister: Partial<CachePersister>; readonly warnings: number }>> = {
    "get throws": { persister: { get: boom }, warnings: 1 },
    "get rejects": { persister: { get: rejects }, warnings: 1 },
    "get never answers": { persister: { get: never }, warnings: 0 },
    "get answers with a thenable that throws": {
      // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
      persister: { get: () => Object.defineProperty({}, "then", { value: boom }) },
      warnings: 1,
    },
    "set throws": { persister: { set: boom }, warnings: 1 },
    "set rejects": { persister: { set: rejects }, warnings: 1 },
    "set never answers": { persister: { set: never }, warnings: 0 },
    "everything throws": { persister: { get: boom, set: boom, delete: boom }, warnings: 1 },
    "delete throws": { persister: { get: () => "x", delete: boom }, warnings: 1 },
    "delete rejects": { persister: { get: () => "x", delete: rejects }, warnings: 1 },
    "it is no persister": { persister: { get: 1, set: 1, delete: 1 } as never, warnings: 1 },
  };
  test.each(Object.keys(cases))("%s", async (name) => {
    const { persister, warnings } = cases[name] as (typeof cases)[string];
    const held: (() => void)[] = [];
    const undo = world.server.intercept("mount", (_message, proceed) => held.push(proceed));
    const { store, state, revalidated } = connection.openRoot({
      ...ROOT,
      cache: { persister: { ...works, ...persister } },
    });
    await turn();
    undo();
    for (const proceed of held) proceed();
    await revalidated;
    expect(state.current).toEqual({ status: "live", fromCache: false });
    for (let n = 0; n < 3; n++) {
      world.server.patch("List:1", [{ op: "replace", path: "/title", value: `t${n}` }]);
      await turn();
      world.clock.advance(1_000);
      await turn();
    }
    expect(store.snapshot()).toMatchObject({ title: "t2" });
    expect(world.logger.warn).toHaveBeenCalledTimes(warnings);
  });

  test("a persister that does not answer while the server does not either is given up with one warning", async () => {
    world.server.intercept("mount", () => {});
    const opened = connection.openRoot({ ...ROOT, cache: { persister: { ...works, get: never } } });
    world.clock.advance(2_999);
    expect(world.logger.warn).not.toHaveBeenCalled();
    world.clock.advance(1);
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
    expect(opened.state.current.status).toBe("loading");
  });

  test("a persister that is slow to write is not given more to write meanwhile", async () => {
    let writes = 0;
    const set = () => {
      writes++;
      return new Promise<never>(() => {});
    };
    await connection.mountStore({ ...ROOT, cache: { persister: { ...works, set } } });
    for (let n = 0; n < 5; n++) {
      world.server.patch("List:1", [{ op: "replace", path: "/title", value: `t${n}` }]);
      await turn();
      world.clock.advance(1_000);
    }
    expect(writes).toBe(1);
  });
});
