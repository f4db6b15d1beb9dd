import {
  type AsyncField,
  type CommandDef,
  connect,
  type StoreDef,
  type StoreField,
  type StreamField,
} from "@musubi/client";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { FakeClock } from "../fake-clock.js";
import { FaultyNetwork } from "../faulty-network.js";
import { SeededRandom } from "../seeded-random.js";
import { createTestServer, type TestServer } from "./test-server.js";
import { asyncFailed, asyncLoading, asyncOk, childStore, streamOf } from "./wire-parts.js";

interface Stores {
  Board: StoreDef<
    { title: string; rows: StoreField<"Row">[]; log: StreamField<{ id: string }>; owner: AsyncField<string> },
    { rename: CommandDef<{ title: string }, { renamed: string }>; clear: CommandDef },
    { rung: { by: string } }
  >;
  Row: StoreDef<{ id: number; votes: number }, { vote: CommandDef<{ by: number }, { votes: number }> }>;
}

const rows = (...votes: number[]) => votes.map((count, index) => childStore({ id: index, votes: count }));
const state = { title: "Today", rows: rows(0, 0), log: streamOf([{ id: "a" }]), owner: asyncOk("ann") };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Listening {
  onMessage(listener: (message: unknown) => void): void;
}

/** A server with a board, and a client of it. */
async function setUp(network?: FaultyNetwork) {
  const server = createTestServer<Stores>({
    roots: { "Board:b1": state },
    ...(network === undefined ? {} : { network }),
  });
  const clock = new FakeClock();
  const socket = server.createSocket();
  const connection = await connect<Stores>(socket, { clock });
  const { store, state: mount } = await connection.mountStore({ module: "Board", id: "b1" });
  ends.push(
    () => server.close(),
    () => connection.disconnect(),
  );
  return { server, socket, clock, connection, store, mount };
}

describe("createTestServer", () => {
  test("clients show its states: fields, child stores, streams, async values", async () => {
    const { store } = await setUp();
    expect(store.snapshot()).toMatchObject({
      title: "Today",
      rows: [
        { __musubi_store_id__: ["rows", "0"], id: 0, votes: 0 },
        { __musubi_store_id__: ["rows", "1"], id: 1, votes: 0 },
      ],
      log: [{ id: "a" }],
      owner: { status: "ok", data: "ann", error: null },
    });
  });

  test("what is assigned is shown, and only what has changed is sent", async () => {
    const { server, socket, store } = await setUp();
    let calls = 0;
    const row = store.rows[1];
    store.rows[0]?.subscribe(() => calls++);
    await server.patch("Board:b1", { title: "Tomorrow" });
    expect(store.title).toBe("Tomorrow");
    await server.set("Board:b1", (now) => ({ ...now, rows: rows(0, 5, 1) }));
    expect(store.snapshot()?.rows.map(({ votes }) => votes)).toEqual([0, 5, 1]);
    expect(store.rows[1]).toBe(row);
    await server.patch("Board:b1", { owner: asyncLoading() });
    expect(store.owner).toMatchObject({ status: "loading", data: null });
    await server.patch("Board:b1", { owner: asyncFailed("nobody") });
    expect(store.owner).toMatchObject({ status: "failed", error: "nobody" });
    expect(calls).toBe(0);
    const before = store.snapshot();
    const messages: unknown[] = [];
    (socket as unknown as Listening).onMessage((message) => messages.push(message));
    await server.set("Board:b1", (now) => ({ ...now }));
    await server.patch("Board:b1", { rows: rows(0, 5, 1), log: streamOf([{ id: "a" }]) });
    expect([store.snapshot() === before, messages]).toEqual([true, []]);
    expect(server.state("Board:b1").title).toBe("Tomorrow");
  });

  test("streams follow their items, however these move (seeded)", async () => {
    const { server, store } = await setUp();
    const random = new SeededRandom(17);
    for (let round = 0; round < 60; round++) {
      const keys = ["a", "b", "c", "d", "e"].filter(() => random.chance(0.6)).sort(() => random.next() - 0.5);
      const items = keys.map((id) => ({ id, n: random.integer(0, 1) }));
      await server.patch("Board:b1", { log: streamOf(items) });
      expect(store.log, `seed ${random.seed}, round ${round}`).toEqual(items);
    }
  });

  test("two items of a stream with one key are an error of the test", async () => {
    const { server } = await setUp();
    const wrong = { log: streamOf([{ id: "x" }, { id: "x" }]) };
    expect(() => server.patch("Board:b1", wrong)).toThrow('two items of stream "log" have the key "x"');
  });

  test("commands go to their handlers, which may change the state, wait or throw", async () => {
    const { server, store } = await setUp();
    server.onCommand("rename", (payload, { root, storeId }) => {
      expectTypeOf(payload).toEqualTypeOf<{ title: string }>();
      expect([root, storeId]).toEqual(["Board:b1", []]);
      void server.patch("Board:b1", payload);
      return { renamed: payload.title };
    });
    await expect(store.dispatchCommand("rename", { title: "x" })).resolves.toEqual({ renamed: "x" });
    expect(store.title).toBe("x");
    server.onCommand("vote", async ({ by }) => ({ votes: by }));
    await expect(store.rows[1]?.dispatchCommand("vote", { by: 3 })).resolves.toEqual({ votes: 3 });
    server.onCommand("clear", () => {
      throw new Error("not_today");
    });
    await expect(store.dispatchCommand("clear")).rejects.toMatchObject({ fate: "rejected", code: "not_today" });
    server.onCommand("clear", () => Promise.reject(new Error("too_late")));
    await expect(store.dispatchCommand("clear")).rejects.toMatchObject({ code: "too_late" });
    expect(server.commands.map(({ name, storeId, payload }) => [name, storeId, payload])).toEqual([
      ["rename", [], { title: "x" }],
      ["vote", ["rows", "1"], { by: 3 }],
      ["clear", [], {}],
      ["clear", [], {}],
    ]);
  });

  test("events reach the listeners of their store", async () => {
    const { server, store } = await setUp();
    const heard: unknown[] = [];
    store.handleEvent("rung", (payload) => heard.push(payload));
    await server.emit("Board:b1", "rung", { by: "ann" });
    expect(heard).toEqual([{ by: "ann" }]);
  });

  test("a root without a state is refused, until it is set; refuse refuses with a reason", async () => {
    const { server, connection } = await setUp();
    const mount = () => connection.mountStore({ module: "Board", id: "b2" });
    await expect(mount()).rejects.toMatchObject({ code: "mount_refused", reason: "unknown root" });
    server.refuse("Board:b2", "forbidden");
    await expect(mount()).rejects.toMatchObject({ reason: "forbidden" });
    await server.set("Board:b2", state);
    expect((await mount()).store.title).toBe("Today");
    expect(() => server.state("Board:b3")).toThrow('"Board:b3" has no state');
  });

  test("offline the last state stays; what changed meanwhile is there when it comes back", async () => {
    const { server, store, mount } = await setUp();
    await server.goOffline();
    expect(mount.current.status).toBe("stale");
    await server.patch("Board:b1", { title: "Later", log: streamOf([{ id: "z" }]) });
    expect(store.title).toBe("Today");
    await server.comeBack();
    expect(mount.current.status).toBe("live");
    expect(store.snapshot()).toMatchObject({ title: "Later", log: [{ id: "z" }] });
  });

  test("end takes a root down", async () => {
    const { server, mount } = await setUp();
    await server.end("Board:b1", "gone");
    expect(mount.current).toMatchObject({ status: "failed", error: { code: "root_down", reason: "gone" } });
  });

  test("a network of faults may stand between", async () => {
    const network = new FaultyNetwork();
    const { server, store, mount } = await setUp(network);
    network.inject({ kind: "duplicate", after: 0 });
    await server.patch("Board:b1", { title: "twice" });
    await server.patch("Board:b1", { title: "thrice" });
    expect([store.title, mount.current.status]).toEqual(["thrice", "live"]);
  });

  test("two clients, and each answer goes to its asker alone", async () => {
    const { server, store } = await setUp();
    const second = await connect<Stores>(server.createSocket());
    ends.push(() => second.disconnect());
    const other = await second.mountStore({ module: "Board", id: "b1" });
    server.onCommand("vote", async ({ by }) => ({ votes: by }));
    const vote = async (board: typeof store, by: number) => board.rows[0]?.dispatchCommand("vote", { by });
    await expect(Promise.all([vote(store, 0), vote(other.store, 1)])).resolves.toEqual([{ votes: 0 }, { votes: 1 }]);
    await server.patch("Board:b1", { title: "for both" });
    expect([store.title, other.store.title]).toEqual(["for both", "for both"]);
  });

  test("types come from the registry; without one anything goes", () => {
    const typed = (server: TestServer<Stores>) => {
      // @ts-expect-error a module that the registry does not have
      void server.patch("Boards:b1", {});
      // @ts-expect-error a field of the wrong type
      void server.patch("Board:b1", { title: 1 });
      // @ts-expect-error a child store has to be one
      void server.patch("Board:b1", { rows: [{ id: 1, votes: 1 }] });
      // @ts-expect-error no such command
      server.onCommand("renamed", () => ({}));
      // @ts-expect-error another reply
      server.onCommand("rename", () => ({ ok: true }));
      // @ts-expect-error another payload
      void server.emit("Board:b1", "rung", { by: 1 });
    };
    expectTypeOf(typed).toBeFunction();
    // As `InferStores` has it: a child store is in its parent's field, under no name of its own.
    type Line = StoreDef<{ text: string }, { strike: CommandDef<{ times: number }, { left: number }> }>;
    type Page = StoreDef<{ lines: StoreField<Line>[]; any: Record<string, unknown> }, { add: CommandDef }>;
    const inferred = (server: TestServer<{ Page: Page }>) => {
      server.onCommand("strike", ({ times }) => ({ left: times }));
      // @ts-expect-error another reply
      server.onCommand("strike", () => ({ ok: true }));
      // @ts-expect-error no such command
      server.onCommand("vote", () => ({}));
    };
    expectTypeOf(inferred).toBeFunction();
    const untyped = (server: TestServer) => {
      void server.patch("Anything:at-all", { any: "thing" });
      void server.emit("Anything:at-all", "event", 1);
      server.onCommand("command", (payload) => payload);
    };
    expectTypeOf(untyped).toBeFunction();
  });
});
