import { afterEach, describe, expect, test, vi } from "vitest";
import { type CacheStorage, createMemoryPersister, createStorageCachePersister, storeCacheKey } from "../index.js";
import { CacheWorld, recordOf } from "./cache-setup.test.util.js";

/** What Web Storage is, with a limit in entries. */
class FakeWebStorage implements CacheStorage {
  readonly texts: Map<string, string> = new Map();
  limit: number = Number.POSITIVE_INFINITY;

  get length(): number {
    return this.texts.size;
  }

  key(index: number): string | null {
    return Array.from(this.texts.keys())[index] ?? null;
  }

  getItem(key: string): string | null {
    return this.texts.get(key) ?? null;
  }

  setItem(key: string, text: string): void {
    if (!this.texts.has(key) && this.texts.size >= this.limit) throw new Error("QuotaExceededError");
    this.texts.set(key, text);
  }

  removeItem(key: string): void {
    this.texts.delete(key);
  }
}

/** What AsyncStorage and wrappers of IndexedDB are. */
function asyncStorage(): Required<Omit<CacheStorage, "length" | "key">> & { readonly inner: FakeWebStorage } {
  const inner = new FakeWebStorage();
  return {
    inner,
    getItem: async (key) => inner.getItem(key),
    setItem: async (key, text) => inner.setItem(key, text),
    removeItem: async (key) => inner.removeItem(key),
    getAllKeys: async () => Array.from(inner.texts.keys()),
  };
}

describe("storeCacheKey", () => {
  test("client.md 17: is the same for equal params, and another for others", () => {
    const key = storeCacheKey({ module: "M", id: "1", params: { a: 1, b: { c: [1, 2], d: null } } });
    expect(storeCacheKey({ params: { b: { d: null, c: [1, 2] }, a: 1 }, id: "1", module: "M" })).toBe(key);
    expect(storeCacheKey({ module: "M", id: "1" })).toBe(storeCacheKey({ module: "M", id: "1", params: {} }));
    const others = [
      { module: "M", id: "1", params: { a: 1, b: { c: [2, 1], d: null } } },
      { module: "M", id: "1" },
      { module: "M1", id: "" },
      { module: 'M","1', id: "" },
      { module: "M", id: "12" },
    ].map(storeCacheKey);
    expect(new Set([key, ...others]).size).toBe(6);
  });

  test("client.md 17: never mentions a prototype", () => {
    const params = JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}') as object;
    expect(JSON.parse(storeCacheKey({ module: "M", id: "1", params }))).toEqual(["M", "1", params]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

describe("createMemoryPersister", () => {
  test("client.md 17: past maxEntries the record that was used longest ago goes", () => {
    const persister = createMemoryPersister({ maxEntries: 2 });
    for (const key of ["a", "b"]) void persister.set(key, recordOf({ key }));
    expect(persister.get("a")).toBeDefined();
    void persister.set("c", recordOf({}));
    expect(["a", "b", "c"].filter((key) => persister.get(key) !== undefined)).toEqual(["a", "c"]);
    void persister.delete("a");
    expect(Array.from(persister.keys() as Iterable<string>)).toEqual(["c"]);
  });

  test("quality.md: it stays bounded when it is filled, by default too", () => {
    const persister = createMemoryPersister();
    for (let n = 0; n < 1_000; n++) void persister.set(`k${n}`, recordOf({ n }));
    expect(Array.from(persister.keys() as Iterable<string>)).toHaveLength(50);
  });
});

describe.each([
  ["a synchronous storage", () => new FakeWebStorage(), (storage: unknown) => storage as FakeWebStorage],
  ["an asynchronous storage", asyncStorage, (storage: unknown) => (storage as ReturnType<typeof asyncStorage>).inner],
] as const)("createStorageCachePersister on %s", (_name, create, innerOf) => {
  const at = (now: number) => ({ now: () => now });

  test("client.md 17: keeps records as texts under its prefix, beside other people's", async () => {
    const storage = create();
    const { texts } = innerOf(storage);
    texts.set("theirs", "x");
    const persister = createStorageCachePersister({ storage, prefix: "app:", ...at(1_000_000) });
    await persister.set("a", recordOf({ n: 1 }));
    expect(Array.from(texts.keys())).toEqual(["theirs", "app:a"]);
    expect(await persister.get("a")).toEqual(recordOf({ n: 1 }));
    expect(await persister.get("b")).toBeUndefined();
    expect(Array.from(await persister.keys())).toEqual(["a"]);
    await persister.delete("a");
    expect(Array.from(texts.keys())).toEqual(["theirs"]);
  });

  test("client.md 17: what is older than maxAge is deleted when it is read", async () => {
    const storage = create();
    const persister = createStorageCachePersister({ storage, maxAge: 10, ...at(1_000_011) });
    await persister.set("old", recordOf({}));
    await persister.set("new", recordOf({}, { savedAt: 1_000_001 }));
    expect(await persister.get("new")).toBeDefined();
    expect(await persister.get("old")).toBeUndefined();
    expect(Array.from(innerOf(storage).texts.keys())).toEqual(["musubi:new"]);
  });

  test("client.md 17: when the storage is full other records make room, and nothing that is not ours", async () => {
    const storage = create();
    const inner = innerOf(storage);
    inner.texts.set("theirs", "x");
    inner.limit = 3;
    const persister = createStorageCachePersister({ storage });
    for (const key of ["a", "b", "c"]) await persister.set(key, recordOf({ key }));
    expect(Array.from(inner.texts.keys())).toEqual(["theirs", "musubi:c"]);
    inner.limit = 1;
    await expect(Promise.resolve(persister.set("d", recordOf({})))).rejects.toThrow("Quota");
  });

  test("client.md 17: what is longer than 5 million characters is neither written nor read", async () => {
    const storage = create();
    const persister = createStorageCachePersister({ storage });
    await expect(Promise.resolve(persister.set("a", recordOf({ text: "x".repeat(5_000_000) })))).rejects.toThrow(
      "too long",
    );
    innerOf(storage).texts.set("musubi:a", " ".repeat(5_000_001));
    await expect((async () => persister.get("a"))()).rejects.toThrow("too long");
  });
});

test("client.md 17: a storage that cannot list its keys: those that this page has used", async () => {
  const { getItem, setItem, removeItem } = asyncStorage();
  const persister = createStorageCachePersister({ storage: { getItem, setItem, removeItem } });
  await persister.set("a", recordOf({}));
  await persister.get("b");
  expect(Array.from(await persister.keys())).toEqual(["a", "b"]);
});

test.each([undefined, null])(
  "client.md 17: no storage at all (%s) keeps nothing and fails nothing",
  async (storage) => {
    const persister = createStorageCachePersister({ storage });
    await persister.set("a", recordOf({}));
    expect(await persister.get("a")).toBeUndefined();
    await persister.delete("a");
    expect(Array.from(await persister.keys())).toEqual([]);
  },
);

describe("a page's own storage", () => {
  const world = new CacheWorld();
  afterEach(() => vi.restoreAllMocks());

  test("client.md 17: a page that comes after shows what the one before had, at its first mount", async () => {
    const storage = new FakeWebStorage();
    const cache = { persister: createStorageCachePersister({ storage, now: () => world.clock.now() }) };
    world.server.store("List", () => ({ title: "first" }));
    const before = await world.connect();
    await before.mountStore({ module: "List", id: "1", cache });
    await before.disconnect();
    world.server.intercept("mount", () => {});
    const after = await world.connect();
    const again = createStorageCachePersister({ storage, now: () => world.clock.now() });
    const opened = after.openRoot({ module: "List", id: "1", cache: { persister: again } });
    expect(opened.store.snapshot()).toMatchObject({ title: "first" });
    await after.clearStoreCache();
    expect(storage.texts.size).toBe(0);
    await world.close();
    expect(storage.texts.size).toBe(0);
  });
});
