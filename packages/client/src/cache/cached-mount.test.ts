import { eventually, initialEnvelope, type ReceivedMessage } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type AnyRegistry,
  type CacheOptions,
  type CachePersister,
  type CommandOptions,
  createMemoryPersister,
  dehydrateStore,
  type MountedStore,
  type MusubiConnection,
  MusubiMountError,
  storeCacheKey,
} from "../index.js";
import { mountConnectionRoot, openConnectionState, readStream, readTree, rootVersion } from "../runtime.js";
import { CacheWorld, cachedAs, recordOf, spyPersister, turn } from "./cache-setup.test.util.js";

const ROOT = "List:1";
const row = (id: string, n: number) => ({ __musubi_store_id__: [id], n });
const fields = (title: string, n = 1) => ({
  title,
  rows: [row("a", n), row("b", 2)],
  log: { __musubi_stream__: "log" },
});
const insert = (key: string, text: string) =>
  ({ op: "insert", stream: "log", store_id: [], item_key: key, at: -1, item: { text }, limit: null }) as const;

let world: CacheWorld;
let connection: MusubiConnection<AnyRegistry>;
let persister: ReturnType<typeof spyPersister>;
let title: string;

beforeEach(async () => {
  world = new CacheWorld();
  title = "first";
  world.server.store("List", () => fields(title)).command("rename", () => ({ ok: true }));
  connection = await world.connect();
  persister = spyPersister();
});

afterEach(() => world.close());

interface Commands {
  dispatchCommand(name: string, payload?: object, options?: CommandOptions): Promise<unknown>;
}
type Mounted = MountedStore<string, AnyRegistry>;
const mount = (cache: CacheOptions | undefined = { persister }, from = connection): Promise<Mounted> =>
  from.mountStore({ module: "List", id: "1", ...(cache === undefined ? {} : { cache }) });
const titleOf = ({ store }: Mounted): unknown => (store.snapshot() as { title?: unknown } | undefined)?.title;
const kept = (params?: object) =>
  persister.get(storeCacheKey({ module: "List", id: "1", params })) as ReturnType<typeof recordOf> | undefined;

/** Holds the answers to mounts back. */
function holdMounts(): (() => void)[] {
  const held: (() => void)[] = [];
  world.server.intercept("mount", (_message, proceed) => held.push(proceed));
  return held;
}

/** A root with "first" and a log of two lines, mounted and ended once. */
async function visited(cache: CacheOptions = { persister }): Promise<void> {
  const mounted = await mount(cache);
  world.server.patch(ROOT, [], { stream_ops: [insert("1", "one"), insert("2", "two")] });
  await eventually(() => readLog(mounted).length === 2);
  await world.end(mounted);
}
const readLog = ({ store }: Mounted) => (store as unknown as { log: readonly { text: string }[] }).log;

describe("the stale window", () => {
  test("client.md 17: a mount shows the last known state at once, streams too, while it goes to the server", async () => {
    await visited();
    const held = holdMounts();
    const again = await mount();
    expect(again.state.current).toEqual({ status: "stale", fromCache: true });
    expect(titleOf(again)).toBe("first");
    expect(readLog(again).map(({ text }) => text)).toEqual(["one", "two"]);
    await eventually(() => held.length === 1);
    title = "second";
    held[0]?.();
    await again.revalidated;
    expect(again.state.current).toEqual({ status: "live", fromCache: false });
    expect(titleOf(again)).toBe("second");
    // An initial envelope begins without streams (protocol.md section 3).
    expect(readLog(again)).toEqual([]);
  });

  test("client.md 17: the fresh state swaps in at once: equal parts keep identity, listeners of changed stores only", async () => {
    await visited();
    const held = holdMounts();
    const { store, revalidated } = await mount();
    const list = store as unknown as {
      rows: { subscribe(f: () => void): void }[];
      snapshot(): { title: string; rows: object[] };
    };
    const before = list.snapshot();
    const seen: string[] = [];
    store.subscribe(() => seen.push(`root ${list.snapshot().title}`));
    list.rows[0]?.subscribe(() => seen.push("a"));
    list.rows[1]?.subscribe(() => seen.push("b"));
    await eventually(() => held.length === 1);
    world.server.store("List", () => fields("second", 7));
    held[0]?.();
    await revalidated;
    expect(seen).toEqual(["root second", "a"]);
    expect(list.snapshot().rows[1]).toBe(before.rows[1]);
    expect(list.snapshot().rows[0]).toEqual(row("a", 7));
  });

  test("client.md 17: the same state again changes nothing but fromCache", async () => {
    world.server.store("List", () => ({ title }));
    await world.end(await mount());
    const held = holdMounts();
    const { store, revalidated, state } = await mount();
    const [before, listener, states] = [store.snapshot(), vi.fn(), [] as unknown[]];
    store.subscribe(listener);
    state.subscribe(() => states.push(state.current));
    await eventually(() => held.length === 1);
    held[0]?.();
    await revalidated;
    expect(store.snapshot()).toBe(before);
    expect(listener).not.toHaveBeenCalled();
    expect(states).toEqual([{ status: "live", fromCache: false }]);
  });

  test("client.md 17: commands queue until the root is live", async () => {
    await visited();
    const held = holdMounts();
    const { store } = await mount();
    const reply = store.dispatchCommand("rename" as never);
    const refused = (store as unknown as Commands).dispatchCommand("rename", {}, { whenOffline: "reject" });
    await expect(refused).rejects.toMatchObject({ code: "offline", fate: "not_sent" });
    await eventually(() => held.length === 1);
    expect(world.pushed("command")).toBe(0);
    held[0]?.();
    await expect(reply).resolves.toEqual({ ok: true });
  });

  test("protocol.md 3: a seeded tree has version 0: only 0 to 1 is taken, anything else recovers under it", async () => {
    await visited();
    const { connection: engine } = openConnectionState(world.server.createSocket(), world);
    const asked: ReceivedMessage[] = [];
    const undo = world.server.intercept("mount", (message) => asked.push(message));
    const opening = mountConnectionRoot(engine, { module: "List", id: "1", cache: { persister } });
    const root = opening.connection;
    expect(rootVersion(root)).toBe(0);
    await eventually(() => asked.length === 1);
    undo();
    world.server.reply(asked[0] as ReceivedMessage, "ok", { root_id: ROOT });
    const next = { type: "patch", root_id: ROOT, base_version: 1, version: 2, stream_ops: [] };
    world.server.push("patch", { ...next, ops: [{ op: "replace", path: "/title", value: "bad" }] });
    await eventually(() => root.state.current.status === "live");
    expect(readTree(root)).toMatchObject({ title: "first" });
    expect(rootVersion(root)).toBe(1);
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
    engine.release();
  });

  test("client.md 17: a cold mount is revalidated when it is mounted", async () => {
    const mounted = await mount();
    await mounted.revalidated;
    expect(mounted.state.current).toEqual({ status: "live", fromCache: false });
    await (await mount(undefined)).revalidated;
  });
});

describe("revalidation that fails", () => {
  const unhandled = vi.fn();
  beforeEach(() => {
    unhandled.mockClear();
    process.on("unhandledRejection", unhandled);
  });
  afterEach(async () => {
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test("client.md 17: refused for good: failed, the stale tree stays, revalidated rejects, the record goes", async () => {
    await visited();
    world.server.store("List", () => {
      throw new Error("forbidden");
    });
    const again = await mount();
    const command = again.store.dispatchCommand("rename" as never);
    await expect(command).rejects.toMatchObject({ code: "root_down", fate: "not_sent" });
    expect(again.state.current).toMatchObject({ status: "failed", fromCache: true, error: { reason: "forbidden" } });
    expect(titleOf(again)).toBe("first");
    const error: unknown = await again.revalidated.catch((reason: unknown) => reason);
    expect(MusubiMountError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: "mount_refused", reason: "forbidden" });
    expect(kept()).toBeUndefined();
    await world.end(again);
    await expect(mount()).rejects.toMatchObject({ code: "mount_refused" });
    expect(kept()).toBeUndefined();
  });

  test("client.md 17: refused for now: the stale tree stays and the mount is tried again", async () => {
    await visited();
    world.server.store("List", () => {
      throw new Error("overloaded");
    });
    const again = await mount();
    await eventually(() => again.state.current.error !== undefined);
    expect(again.state.current).toMatchObject({ status: "stale", fromCache: true });
    world.server.store("List", () => fields("second"));
    world.clock.advance(5_000);
    await again.revalidated;
    expect(titleOf(again)).toBe("second");
  });

  test("client.md 17: no answer in time: the stale tree stays and the mount is tried again", async () => {
    await visited();
    const held = holdMounts();
    const again = await mount();
    await eventually(() => held.length === 1);
    world.clock.advance(10_000);
    expect(again.state.current).toMatchObject({ status: "stale", fromCache: true, error: { code: "mount_timeout" } });
    expect(titleOf(again)).toBe("first");
    expect(kept()).toBeDefined();
  });

  test("client.md 7 and 17: a disconnect in the stale window rejects revalidated", async () => {
    await visited();
    holdMounts();
    const again = await mount();
    await connection.disconnect();
    await expect(again.revalidated).rejects.toMatchObject({
      code: expect.stringMatching(/disconnected|unmounted/) as string,
    });
    expect(titleOf(again)).toBe("first");
  });
});

describe("what is kept", () => {
  test("client.md 17: at most one save a second while live, of the last state", async () => {
    const mounted = await mount();
    for (let n = 0; n < 10; n++) world.server.patch(ROOT, [{ op: "replace", path: "/title", value: `t${n}` }]);
    await eventually(() => titleOf(mounted) === "t9");
    world.clock.advance(999);
    expect(persister.calls).toEqual(["get"]);
    world.clock.advance(1);
    expect(persister.calls).toEqual(["get", "set"]);
    expect(kept()?.tree).toMatchObject({ title: "t9" });
    world.clock.advance(10_000);
    expect(persister.calls.filter((call) => call === "set")).toHaveLength(1);
  });

  test("client.md 17: a drop and the end of the root save what was not saved yet, at once", async () => {
    const mounted = await mount();
    world.server.accepting = false;
    world.server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    expect(kept()?.tree).toMatchObject({ title: "first" });
    title = "second";
    world.server.accepting = true;
    await eventually(() => mounted.state.current.status === "live");
    await world.end(mounted);
    expect(kept()?.tree).toMatchObject({ title: "second" });
  });

  test("client.md 17: what commands are expected to do is never kept, only what the server has", async () => {
    const asked: ReceivedMessage[] = [];
    world.server.intercept("command", (message) => asked.push(message));
    const mounted = await mount();
    const optimistic = (state: unknown) => ({ ...(state as object), title: "hoped for" });
    const command = (mounted.store as unknown as Commands).dispatchCommand("rename", {}, { optimistic });
    expect(titleOf(mounted)).toBe("hoped for");
    world.clock.advance(1_000);
    expect(kept()?.tree).toMatchObject({ title: "first" });
    await eventually(() => asked.length === 1);
    world.server.reply(asked[0] as ReceivedMessage, "error", { reason: "no" });
    await expect(command).rejects.toMatchObject({ code: "no" });
  });

  test("client.md 17: uploads are not kept, and a record is plain JSON", async () => {
    await visited();
    const record = kept();
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    expect(record).toMatchObject({
      format: 1,
      buster: "",
      streams: [{ store_id: [], stream: "log", keys: ["1", "2"], items: [{ text: "one" }, { text: "two" }] }],
    });
  });

  test("client.md 17: a record that is older than gcTime is neither used nor kept, however long gcTime is", async () => {
    const ages = [
      { gcTime: undefined, age: 300_000, isUsed: true },
      { gcTime: undefined, age: 300_001, isUsed: false },
      { gcTime: 10, age: 11, isUsed: false },
      { gcTime: 2 ** 32, age: 2 ** 32, isUsed: true },
      { gcTime: 2 ** 32, age: 2 ** 32 + 1, isUsed: false },
      { gcTime: Number.POSITIVE_INFINITY, age: 1e12, isUsed: true },
      // A clock that was set back by more than gcTime.
      { gcTime: 10, age: -11, isUsed: false },
    ];
    const held = holdMounts();
    for (const [at, { gcTime, age, isUsed }] of ages.entries()) {
      const root = { module: "List", id: `age ${at}` };
      const options = cachedAs(root, recordOf({ title: "old" }, { savedAt: world.clock.now() - age }));
      const opened = connection.openRoot({ ...root, cache: gcTime === undefined ? options : { ...options, gcTime } });
      expect(opened.state.current.fromCache, JSON.stringify(ages[at])).toBe(isUsed);
      expect(options.persister.get(storeCacheKey(root)) !== undefined, JSON.stringify(ages[at])).toBe(isUsed);
      opened.release();
    }
    await eventually(() => held.length === ages.length);
    expect(world.logger.warn).not.toHaveBeenCalled();
  });

  test("client.md 17: a record of another buster is neither used nor kept", async () => {
    await visited({ persister, buster: "v1" });
    holdMounts();
    const same = connection.openRoot({ module: "List", id: "1", cache: { persister, buster: "v1" } });
    expect(same.state.current.fromCache).toBe(true);
    const other = (await world.connect()).openRoot({ module: "List", id: "1", cache: { persister, buster: "v2" } });
    expect(other.state.current.fromCache).toBe(false);
    expect(kept()).toBeUndefined();
  });
});

describe("initialData", () => {
  const identity = { module: "List", id: "1" };

  test("client.md 17: is readable right after mountConnectionRoot has returned", () => {
    const { connection: engine } = openConnectionState(world.server.createSocket(), world);
    const initialData = recordOf(fields("from the server"), {
      savedAt: 5,
      streams: [{ store_id: [], stream: "log", keys: ["1"], items: [{ text: "one" }] }],
    });
    const { connection: root } = mountConnectionRoot(engine, { ...identity, cache: { initialData } });
    expect(readTree(root)).toMatchObject({ title: "from the server" });
    expect(readStream(root, [], "log")).toEqual([{ text: "one" }]);
    expect(root.state.current).toEqual({ status: "stale", fromCache: true });
    engine.release();
  });

  test.each([
    { savedAt: 999_999, shown: "initial" },
    { savedAt: 1_000_000, shown: "initial" },
    { savedAt: 1_000_001, shown: "kept" },
  ])(
    "client.md 17: the newer of initialData and the persister's record is shown (kept at $savedAt)",
    async ({ savedAt, shown }) => {
      holdMounts();
      const options = cachedAs(identity, recordOf({ title: "kept" }, { savedAt }));
      const mounted = await mount({ ...options, initialData: recordOf({ title: "initial" }) });
      expect(titleOf(mounted)).toBe(shown);
    },
  );

  test("client.md 17: of another buster, or malformed, it is not shown, with one warning", async () => {
    holdMounts();
    const cases = [recordOf({}, { buster: "v1" }), { format: 2 }, recordOf({}, { tree: [] as never }), "x"];
    for (const [at, initialData] of cases.entries()) {
      const cache = { persister, initialData: initialData as never };
      const opened = connection.openRoot({ module: "List", id: `bad ${at}`, cache });
      expect(opened.state.current).toEqual({ status: "loading", fromCache: false });
      expect(world.logger.warn).toHaveBeenCalledTimes(at + 1);
    }
  });

  test("client.md 17: a root that is live already, or gone, does not show it", async () => {
    const live = await mount(undefined);
    await mount({ initialData: recordOf({ title: "initial" }, { savedAt: 2_000_000 }) });
    expect(titleOf(live)).toBe("first");
    expect(live.state.current).toEqual({ status: "live", fromCache: false });
    await connection.disconnect();
    const gone = connection.openRoot({ ...identity, cache: { initialData: recordOf({ title: "initial" }) } });
    await expect(gone.ready).rejects.toMatchObject({ code: "disconnected" });
    expect(gone.store.snapshot()).toBeUndefined();
  });

  test("client.md 17: dehydrateStore makes it, of the server's own state only", async () => {
    const mounted = await mount();
    world.server.patch(ROOT, [], { stream_ops: [insert("1", "one")] });
    await eventually(() => readLog(mounted).length === 1);
    const initialData = JSON.parse(JSON.stringify(dehydrateStore(mounted.store))) as ReturnType<typeof recordOf>;
    holdMounts();
    const page = await mount({ initialData }, await world.connect());
    expect(page.store.snapshot()).toEqual(mounted.store.snapshot());
    expect(dehydrateStore(page.store)).toBeUndefined();
    expect(dehydrateStore(mounted.store, { buster: "v3" })?.buster).toBe("v3");
  });
});

describe("roots and holders", () => {
  test("client.md 17: mount, unmount, mount in one go, as StrictMode does: one mount, one read", async () => {
    await visited();
    persister.calls.length = 0;
    const before = world.pushed("mount");
    const first = connection.openRoot({ module: "List", id: "1", cache: { persister } });
    first.release();
    const second = connection.openRoot({ module: "List", id: "1", cache: { persister } });
    expect(second.state.current.fromCache).toBe(true);
    await second.revalidated;
    world.clock.advance(100);
    expect(second.state.current.status).toBe("live");
    expect([world.pushed("mount") - before, persister.calls]).toEqual([1, ["get"]]);
  });

  test("client.md 17: of several holders the first cache counts", async () => {
    const other = spyPersister();
    const plain = await mount(undefined);
    const first = await mount();
    const second = await mount({ persister: other });
    expect(first.store).toBe(plain.store);
    world.clock.advance(1_000);
    expect(kept()?.tree).toMatchObject({ title: "first" });
    expect(other.calls).toEqual([]);
    await world.end(await endBut(plain, first, second));
    expect(other.calls).toEqual([]);
  });

  async function endBut(last: Mounted, ...others: Mounted[]): Promise<Mounted> {
    for (const { unmount } of others) await unmount();
    return last;
  }

  test("client.md 17: remount keeps each state under its own params, and shows none of former ones late", async () => {
    world.server.store("List", (_id, params) => fields(`page ${(params as { page?: number }).page ?? 0}`));
    const mounted = await mount();
    const remounted = mounted.remount({ page: 1 });
    expect(kept()?.tree).toMatchObject({ title: "page 0" });
    expect(titleOf(mounted)).toBe("page 0");
    await remounted;
    await world.end(mounted);
    expect(kept()?.tree).toMatchObject({ title: "page 0" });
    expect(kept({ page: 1 })?.tree).toMatchObject({ title: "page 1" });

    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    const held = holdMounts();
    const late = connection.openRoot({ module: "List", id: "1", cache: { persister: slow } });
    await eventually(() => held.length === 1);
    const again = late.remount({ page: 1 });
    answer(recordOf({ title: "page 0" }));
    await turn();
    expect(late.store.snapshot()).toBeUndefined();
    for (const proceed of held) proceed();
    await eventually(() => held.length === 2);
    held[1]?.();
    await again;
  });

  test("client.md 17: recovery and reconnect do not read the cache", async () => {
    const mounted = await mount();
    const states: string[] = [];
    mounted.state.subscribe(() => states.push(`${mounted.state.current.status} ${mounted.state.current.fromCache}`));
    world.server.push("patch", { type: "patch", root_id: ROOT, base_version: 7, version: 8, ops: [], stream_ops: [] });
    await eventually(() => states.at(-1) === "live false" && states.length > 1);
    world.server.cut();
    await eventually(() => states.includes("stale false"));
    await eventually(() => states.at(-1) === "live false");
    expect(states.filter((state) => state.endsWith("true"))).toEqual([]);
    expect(persister.calls.filter((call) => call === "get")).toHaveLength(1);
  });

  test("client.md 17: two connections with one persister share what is kept", async () => {
    await visited();
    holdMounts();
    const page = await mount({ persister }, await world.connect());
    const other = await mount({ persister });
    expect([page.state.current.fromCache, other.state.current.fromCache]).toEqual([true, true]);
    expect(page.store.snapshot()).toEqual(other.store.snapshot());
  });

  test("client.md 17: a state that comes from a slow persister after the server's is not shown", async () => {
    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    const mounted = await mount({ persister: slow });
    answer(recordOf({ title: "late" }));
    await turn();
    expect(titleOf(mounted)).toBe("first");
    expect(mounted.state.current).toEqual({ status: "live", fromCache: false });
  });

  test("client.md 17: a mount waits for a slow persister or the server, whichever is first", async () => {
    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    holdMounts();
    const mounting = mount({ persister: slow });
    await turn();
    answer(recordOf({ title: "kept" }));
    expect(titleOf(await mounting)).toBe("kept");
  });
});

describe("clearStoreCache", () => {
  const roots = [
    { module: "List", id: "1", params: {} },
    { module: "List", id: "1", params: { page: 1 } },
    { module: "List", id: "12", params: {} },
    { module: "List.Row", id: "1", params: {} },
  ];
  const cases = [
    { target: undefined, left: [] },
    { target: {}, left: [] },
    { target: { module: "List" }, left: [3] },
    { target: { module: "List", id: "1" }, left: [2, 3] },
    { target: { module: "List", id: "1", params: { page: 1 } }, left: [0, 2, 3] },
    { target: { module: "List", id: "1", params: {} }, left: [1, 2, 3] },
    { target: { module: "Nope" }, left: [0, 1, 2, 3] },
  ];
  test.each(cases)("client.md: clears $target and nothing else", async ({ target, left }) => {
    await mount({ persister });
    for (const root of roots) void persister.set(storeCacheKey(root), recordOf({}));
    await connection.clearStoreCache(target);
    expect(roots.flatMap((root, at) => (persister.get(storeCacheKey(root)) === undefined ? [] : [at]))).toEqual(left);
  });

  test("client.md: what was still to be saved is dropped, and nothing that was being read is shown", async () => {
    const mounted = await mount();
    await connection.clearStoreCache();
    await world.end(mounted);
    expect(kept()).toBeUndefined();

    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    holdMounts();
    const opened = connection.openRoot({ module: "List", id: "1", cache: { persister: slow } });
    await connection.clearStoreCache({ module: "List" });
    answer(recordOf({ title: "cleared" }));
    await turn();
    expect(opened.state.current.fromCache).toBe(false);
  });

  test("client.md: clears the persisters of this connection only", async () => {
    const other = createMemoryPersister();
    await visited();
    await mount({ persister: other }, await world.connect());
    world.clock.advance(1_000);
    await connection.clearStoreCache();
    expect(kept()).toBeUndefined();
    expect(Array.from(await other.keys())).toHaveLength(1);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["never answers", () => new Promise<never>(() => {})],
  ])("client.md: never rejects, and warns of a persister whose keys() %s", async (_what, keys) => {
    await mount({ persister: { ...persister, keys } });
    const cleared = connection.clearStoreCache();
    await turn();
    world.clock.advance(3_000);
    await cleared;
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
  });
});

test("protocol.md 3: an early initial envelope ends the stale window like any other", async () => {
  await visited();
  world.server.intercept("mount", (message) => {
    world.server.push("patch", initialEnvelope(ROOT, fields("early"), {}));
    world.server.reply(message, "ok", { root_id: ROOT });
  });
  const again = await mount();
  await again.revalidated;
  expect(titleOf(again)).toBe("early");
});
