import { inspect } from "node:util";
import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, keyOf, type Logger, type MountedStore, type MusubiConnection } from "./index.js";
import {
  getSharedRuntime,
  mountConnectionRoot,
  openConnectionState,
  readStore,
  readStream,
  readTree,
  rootVersion,
  subscribeStore,
  unmountConnectionRoot,
} from "./runtime.js";

interface Row {
  readonly n: number;
  readonly __musubi_store_id__: readonly string[];
  snapshot(): unknown;
  subscribe(listener: () => void): () => void;
  handleEvent(name: string, handler: (payload: unknown) => void): () => void;
}
interface List extends Row {
  title: string;
  readonly rows: readonly Row[];
  readonly log: readonly unknown[];
  readonly profile: { status: string; data: unknown; error: unknown };
}

let server: ScriptedServer;
let socket: TestSocket;
let connection: MusubiConnection<AnyRegistry>;
let mounted: MountedStore<string, AnyRegistry>;
let list: List;
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

const row = (id: string, n: number) => ({ __musubi_store_id__: ["rows", id], n, tags: ["x"] });
const insert = (key: string, item: unknown) =>
  ({ op: "insert", stream: "log", ref: "0", store_id: [], item_key: key, at: -1, item, limit: null }) as never;

beforeEach(async () => {
  vi.clearAllMocks();
  server = new ScriptedServer().store("List", () => ({
    title: "first",
    rows: [row("a", 1), row("b", 2)],
    log: { __musubi_stream__: "log" },
    profile: { __musubi_async__: true, status: "ok", result: { name: "Ada" }, reason: null },
    legacy: { status: "loading", result: null, reason: null },
    "odd/key~": 1,
  }));
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { logger, clock: new FakeClock() });
  mounted = await connection.mountStore({ module: "List", id: "1" });
  list = mounted.store as unknown as List;
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
});

const change = async (ops: object[], extras: object = {}) => {
  const before = list.snapshot();
  server.patch("List:1", ops as never, extras);
  await eventually(() => list.snapshot() !== before, "the change arrives");
};

describe("proxies", () => {
  test("client.md 12: fields are read live; children are proxies, one per store", async () => {
    const [a, b] = list.rows as [Row, Row];
    expect([a.n, b.n]).toEqual([1, 2]);
    expect(list.rows[0]).toBe(a);
    await change([{ op: "replace", path: "/rows/0/n", value: 5 }]);
    expect(a.n).toBe(5);
    expect(list.rows).toEqual([a, b]);
    expect(list.rows[0]).toBe(a);
    await change([{ op: "add", path: "/rows/0", value: row("c", 3) }]);
    expect(list.rows[1]).toBe(a);
    expect(a.n).toBe(5);
  });

  test("client.md 12: in, Object.keys, JSON and inspection see the state", () => {
    expect("title" in list).toBe(true);
    expect("nope" in list).toBe(false);
    expect("snapshot" in list).toBe(true);
    expect(Object.keys(list)).toEqual(Object.keys(list.snapshot() as object));
    expect(JSON.parse(JSON.stringify(list))).toEqual(list.snapshot());
    expect(inspect(list.rows[0])).toContain("n: 1");
    expect({ ...(list.rows[0] as Row) }).toMatchObject({ n: 1 });
    expect((list as unknown as Record<string, unknown>)["odd/key~"]).toBe(1);
  });

  test("client.md 12: writes are refused with what to do instead", () => {
    expect(() => {
      list.title = "mine";
    }).toThrow(/dispatchCommand/);
    expect(() => Reflect.deleteProperty(list, "title")).toThrow(/dispatchCommand/);
    expect(() => Object.defineProperty(list, "title", { value: 1 })).toThrow(/dispatchCommand/);
    expect(list.title).toBe("first");
  });

  test("client.md 12: a promise of a proxy resolves with it", async () => {
    expect(await Promise.resolve(list)).toBe(list);
  });

  test("client.md 12: a proxy whose store left reads undefined, and is alive again when it comes back", async () => {
    const [a] = list.rows as [Row, Row];
    let calls = 0;
    const stop = a.subscribe(() => calls++);
    await change([{ op: "remove", path: "/rows/0" }]);
    expect([a.n, a.snapshot(), Object.keys(a), calls]).toEqual([undefined, undefined, [], 1]);
    await change([{ op: "add", path: "/rows/-", value: row("a", 9) }]);
    expect([a.n, calls]).toEqual([9, 2]);
    expect(list.rows[1]).toBe(a);
    stop();
  });

  test("keyOf is unique per store and the same for proxy and snapshot", () => {
    const [a, b] = list.rows as [Row, Row];
    expect(new Set([keyOf(list), keyOf(a), keyOf(b)]).size).toBe(3);
    expect(keyOf(a)).toBe(keyOf(a.snapshot() as object));
    expect(() => keyOf({})).toThrow(/keyOf/);
  });

  test("async values and streams read as results and arrays", async () => {
    expect(list.profile).toEqual({ status: "ok", data: { name: "Ada" }, error: null });
    expect((list as unknown as { legacy: unknown }).legacy).toEqual({ status: "loading", data: null, error: null });
    await change([], { stream_ops: [insert("1", { text: "hi" })] });
    expect(list.log).toEqual([{ text: "hi" }]);
  });
});

describe("snapshots", () => {
  test("client.md 11: the identical object until something in it changes; unchanged parts keep identity", async () => {
    const before = list.snapshot() as { rows: unknown[]; profile: unknown };
    expect(list.snapshot()).toBe(before);
    await change([{ op: "replace", path: "/rows/0/n", value: 5 }]);
    const after = list.snapshot() as { rows: unknown[]; profile: unknown };
    expect(after.rows[0]).not.toBe(before.rows[0]);
    expect(after.rows[1]).toBe(before.rows[1]);
    expect(after.profile).toBe(before.profile);
    expect(before.rows[0]).toMatchObject({ n: 1 });
    await change([], { stream_ops: [insert("1", "x")] });
    expect((list.snapshot() as { rows: unknown }).rows).toBe(after.rows);
  });

  test("client.md 11: frozen in development, at every depth", () => {
    const snapshot = list.snapshot() as { rows: { tags: string[] }[] };
    expect(() => snapshot.rows[0]?.tags.push("y")).toThrow(TypeError);
    expect(Object.isFrozen(snapshot)).toBe(true);
  });

  test("client.md 13: one new array per envelope however many stream ops", async () => {
    let calls = 0;
    list.subscribe(() => calls++);
    await change([], { stream_ops: [insert("1", 1), insert("2", 2), insert("3", 3)] });
    expect(calls).toBe(1);
    expect(list.log).toEqual([1, 2, 3]);
    expect(list.log).toBe((list.snapshot() as { log: unknown }).log);
  });
});

describe("subscribers", () => {
  test("client.md 10: a listener that throws is reported and stops nobody", async () => {
    const listener = vi.fn();
    list.subscribe(() => {
      throw new Error("mine");
    });
    list.subscribe(listener);
    await change([{ op: "replace", path: "/title", value: "second" }]);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(logger.error).toHaveBeenCalledTimes(1);
  });

  test("client.md 10: listeners added or removed during a notification count from the next one", async () => {
    const calls: string[] = [];
    const stopSecond = { call: () => {} };
    list.subscribe(() => {
      calls.push("first");
      stopSecond.call();
      list.subscribe(() => calls.push("late"));
    });
    stopSecond.call = list.subscribe(() => calls.push("second"));
    await change([{ op: "replace", path: "/title", value: "second" }]);
    expect(calls).toEqual(["first", "second"]);
    await change([{ op: "replace", path: "/title", value: "third" }]);
    expect(calls).toEqual(["first", "second", "first", "late"]);
  });

  test("protocol.md 7: events come after their envelope is visible, to the store that emitted them", async () => {
    const seen: unknown[] = [];
    (list.rows[0] as Row).handleEvent("ping", (payload) => seen.push([payload, list.title]));
    list.handleEvent("ping", () => seen.push("root"));
    const events = [
      { name: "ping", payload: 1, store_id: ["rows", "a"] },
      { name: "nobody", payload: 2 },
    ];
    await change([{ op: "replace", path: "/title", value: "seen" }], { events });
    expect(seen).toEqual([[1, "seen"]]);
  });
});

describe("the runtime without proxies", () => {
  test("client.md (runtime): one engine with connect: same connection, same root", async () => {
    expect(getSharedRuntime(socket)).toBe(getSharedRuntime(socket));
    const opening = openConnectionState(socket);
    const mounting = mountConnectionRoot(opening.connection, { module: "List", id: "1" });
    const root = await mounting.ready;
    expect(root).toBe(mounting.connection);
    expect(readTree(root)).toMatchObject({ title: "first" });
    expect(readStore(root, ["rows", "b"])).toMatchObject({ n: 2 });
    expect(readStore(root, ["nope"])).toBeUndefined();
    expect(readStream(root, [], "log")).toEqual([]);
    expect(rootVersion(root)).toBe(1);
    const listener = vi.fn();
    const stop = subscribeStore(root, ["rows", "b"], listener);
    await change([{ op: "replace", path: "/rows/1/n", value: 7 }]);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(rootVersion(root)).toBe(2);
    stop();
    stop();
    unmountConnectionRoot(opening.connection, { module: "List", id: "1" });
    unmountConnectionRoot(opening.connection, { module: "List", id: "never" });
    opening.connection.release();
    expect(server.messages("mount")).toHaveLength(1);
    expect(mounted.state.current.status).toBe("live");
  });
});
