import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type Logger, type MusubiConnection, MusubiDisconnectedError } from "./index.js";
import { mountConnectionRoot, openConnectionState } from "./runtime.js";

let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

beforeEach(() => {
  vi.clearAllMocks();
  clock = new FakeClock();
  server = new ScriptedServer().store("Counter", (id) => ({ id, count: 0 }));
  socket = server.createSocket();
});

afterEach(() => {
  expect(logger.error).not.toHaveBeenCalled();
  socket.disconnect();
});

const open = (topic?: string): Promise<MusubiConnection<AnyRegistry>> =>
  connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5, ...(topic === undefined ? {} : { topic }) });

const joins = (): number => server.messages("phx_join").length;
const leaves = (): number => server.messages("phx_leave").length;

describe("connecting", () => {
  test("client.md 1: opens the socket and is ready when the channel is joined", async () => {
    const connection = await open();
    expect(connection.status.current).toBe("ready");
    expect(server.received[0]).toMatchObject({ topic: "musubi:connection", event: "phx_join", payload: {} });
    await connection.disconnect();
    expect(connection.status.current).toBe("closed");
  });

  test("client.md 1: two connects share one channel, which is left with the last holder", async () => {
    const first = await open();
    const second = await open();
    await first.mountStore({ module: "Counter", id: "a" });
    expect(joins()).toBe(1);
    await first.disconnect();
    clock.advance(50);
    await eventually(() => server.messages("unmount").length === 1, "the first holder's root is unmounted");
    expect(leaves()).toBe(0);
    expect(second.status.current).toBe("ready");
    await second.disconnect();
    await eventually(() => leaves() === 1);
  });

  test("client.md 1: disconnect twice gives back one hold only", async () => {
    const first = await open();
    const second = await open();
    await first.disconnect();
    await first.disconnect();
    expect(second.status.current).toBe("ready");
    await second.disconnect();
  });

  test("client.md 1: a topic of one's own has a channel of its own", async () => {
    server = new ScriptedServer({ topic: "app:1" });
    socket = server.createSocket();
    const connection = await open("app:1");
    expect(connection.status.current).toBe("ready");
    await connection.disconnect();
  });

  test("client.md 1: a channel that is being left is not held; a new connect joins anew", async () => {
    const first = await open();
    await first.disconnect();
    const second = await open();
    expect(joins()).toBe(2);
    expect(second.status.current).toBe("ready");
    await second.disconnect();
  });

  test("client.md 1: disconnect releases this holder's own holds only, and waits for no reply to the leave", async () => {
    const [first, second] = [await open(), await open()];
    const shared = await first.mountStore({ module: "Counter", id: "a" });
    await second.mountStore({ module: "Counter", id: "a" });
    await first.disconnect();
    clock.advance(50);
    await eventually(() => server.received.length > 0 && shared.state.current.status === "live");
    expect(server.messages("unmount")).toEqual([]);
    server.intercept("phx_leave", () => {});
    await second.disconnect();
    expect([second.status.current, shared.state.current.status, clock.pending]).toEqual(["closed", "closed", 0]);
  });

  test("client.md 1: another copy of this package finds the same runtime, in our only global", async () => {
    const before = Object.getOwnPropertySymbols(globalThis);
    const connection = await open();
    vi.resetModules();
    const copy = await import("./runtime.js");
    expect(copy.openConnectionState).not.toBe(openConnectionState);
    const { connection: same } = copy.openConnectionState(socket, {});
    expect(joins()).toBe(1);
    await connection.disconnect();
    expect(same.status.current).toBe("ready");
    same.release();
    const runtimes = Symbol.for("musubi.runtimes.v1");
    expect((globalThis as unknown as Record<symbol, unknown>)[runtimes]).toBeInstanceOf(WeakMap);
    expect(
      Object.getOwnPropertySymbols(globalThis).filter((symbol) => !before.includes(symbol) && symbol !== runtimes),
    ).toEqual([]);
  });

  test("client.md 3: an error reply to the first join rejects, and the channel is left", async () => {
    server.intercept("phx_join", (message) => server.reply(message, "error", { reason: "unauthorized" }));
    const error: unknown = await open().catch((reason: unknown) => reason);
    expect(MusubiDisconnectedError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: "join_refused", details: { reason: "unauthorized" } });
    await eventually(() => leaves() === 1);
    expect(joins()).toBe(1);
  });

  test("client.md 3: the next connect after a refusal tries afresh", async () => {
    const undo = server.intercept("phx_join", (message) => server.reply(message, "error", {}));
    await expect(open()).rejects.toMatchObject({ code: "join_refused" });
    undo();
    const connection = await open();
    expect(connection.status.current).toBe("ready");
    await connection.disconnect();
  });

  test("client.md 3: a drop before the first join is waited out", async () => {
    server.accepting = false;
    const opening = open();
    await new Promise((resolve) => setTimeout(resolve, 10));
    server.accepting = true;
    const connection = await opening;
    expect(connection.status.current).toBe("ready");
    await connection.disconnect();
  });

  test("client.md 3: mounts that were asked for before the first join wait for it", async () => {
    server.accepting = false;
    const { connection } = openConnectionState(socket, { clock, logger });
    const mounting = mountConnectionRoot(connection, { module: "Counter", id: "a" });
    server.accepting = true;
    const root = await mounting.ready;
    expect([root.version, connection.status.current]).toEqual([1, "ready"]);
    connection.release();
  });

  test("client.md 3: a refused rejoin is reported and tried again", async () => {
    const connection = await open();
    let refusals = 0;
    server.intercept("phx_join", (message, proceed) => {
      if (refusals++ < 2) server.reply(message, "error", { reason: "busy" });
      else proceed();
    });
    server.crash();
    await eventually(() => connection.status.current === "reconnecting");
    await eventually(() => connection.status.current === "ready");
    expect(logger.warn).toHaveBeenCalledTimes(2);
    await connection.disconnect();
  });
});

describe("status", () => {
  test("client.md 2: one notification per change, through a drop and back", async () => {
    const { connection } = openConnectionState(socket, { clock, logger });
    const seen: string[] = [connection.status.current];
    connection.status.subscribe(() => seen.push(connection.status.current));
    await connection.ready;
    await mountConnectionRoot(connection, { module: "Counter", id: "a" }).ready;
    server.cut();
    await eventually(() => seen.length === 4);
    connection.release();
    expect(seen).toEqual(["connecting", "ready", "reconnecting", "ready", "closed"]);
  });

  test("client.md 2: reconnecting until every root that was live is live again", async () => {
    const connection = await open();
    const { state } = await connection.mountStore({ module: "Counter", id: "a" });
    const held: (() => void)[] = [];
    server.intercept("mount", (_message, proceed) => held.push(proceed));
    server.cut();
    await eventually(() => held.length === 1);
    expect(connection.status.current).toBe("reconnecting");
    expect(state.current.status).toBe("recovering");
    held[0]?.();
    await eventually(() => connection.status.current === "ready");
    expect(state.current.status).toBe("live");
    await connection.disconnect();
  });

  test("client.md 2: a root that failed one remount is not waited for", async () => {
    const connection = await open();
    const { state, store } = await connection.mountStore({ module: "Counter", id: "a" });
    server.store("Counter", () => {
      throw new Error("no longer");
    });
    server.cut();
    await eventually(() => connection.status.current === "reconnecting");
    await eventually(() => connection.status.current === "ready");
    expect(state.current).toMatchObject({
      status: "recovering",
      error: { code: "mount_refused", reason: "no longer" },
    });
    expect(store.snapshot()).toMatchObject({ count: 0 });
    await connection.disconnect();
  });

  test.each([
    [
      "has failed",
      () => server.intercept("mount", (message) => server.reply(message, "error", { reason: "already_mounted" })),
    ],
    ["was given up", undefined],
  ])("client.md 2: a root that %s is not waited for", async (what, arrange) => {
    const connection = await open();
    const { state, unmount } = await connection.mountStore({ module: "Counter", id: "a" });
    if (arrange === undefined) server.intercept("mount", () => {});
    else arrange();
    server.cut();
    await eventually(() => connection.status.current === "reconnecting");
    if (what === "was given up") {
      await eventually(() => server.messages("mount").length === 2);
      await unmount();
      clock.advance(50);
      clock.advance(10_000);
    }
    await eventually(() => connection.status.current === "ready");
    expect(state.current.status).toBe(what === "has failed" ? "failed" : "closed");
    await connection.disconnect();
  });

  test("client.md 2: a single root's recovery does not change it", async () => {
    const connection = await open();
    const { state } = await connection.mountStore({ module: "Counter", id: "a" });
    const seen: string[] = [];
    connection.status.subscribe(() => seen.push(connection.status.current));
    server.push("patch", { root_id: "Counter:a" });
    await eventually(() => server.messages("mount").length === 2 && state.current.status === "live");
    expect(seen).toEqual([]);
    await connection.disconnect();
  });

  test("client.md 2: a first mount does not change it", async () => {
    const connection = await open();
    server.intercept("mount", () => {});
    const mounting = connection.mountStore({ module: "Counter", id: "a" }).catch(() => {});
    await eventually(() => server.messages("mount").length === 1);
    expect(connection.status.current).toBe("ready");
    await connection.disconnect();
    await mounting;
  });
});

describe("joins", () => {
  test("protocol.md 2: phx_close that nobody asked for opens a new channel object with back-off", async () => {
    const connection = await connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
    const { store } = await connection.mountStore({ module: "Counter", id: "a" });
    server.closeChannel();
    await eventually(() => connection.status.current === "reconnecting");
    expect(joins()).toBe(1);
    expect(store.snapshot()).toMatchObject({ id: "a" });
    clock.advance(500);
    await eventually(() => connection.status.current === "ready");
    expect(joins()).toBe(2);
    // Each more of it waits longer, until a join has lasted; then it is a first one again, which waits too.
    const { statusDetail } = connection;
    for (const [lastedMs, waitMs] of [
      [29_999, 1_000],
      [30_000, 500],
    ] as const) {
      clock.advance(lastedMs);
      server.closeChannel();
      await eventually(() => connection.status.current === "reconnecting");
      expect(statusDetail.current.nextRetryAt).toBe(clock.now() + waitMs);
      clock.advance(waitMs);
      await eventually(() => connection.status.current === "ready");
    }
    await connection.disconnect();
  });

  test("protocol.md 2: a close while it waits to reopen leaves no timer", async () => {
    const connection = await connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
    server.closeChannel();
    await eventually(() => connection.status.current === "reconnecting");
    expect(clock.pending).toBe(1);
    await connection.disconnect();
    expect(clock.pending).toBe(0);
  });

  test("protocol.md 2: roots are mounted again after a drop, with the last tree readable all the while", async () => {
    const connection = await open();
    const { store, state } = await connection.mountStore({ module: "Counter", id: "a", params: { start: 1 } });
    server.patch("Counter:a", [{ op: "replace", path: "/count", value: 7 }]);
    await eventually(() => (store as { count?: unknown }).count === 7);
    server.store("Counter", (id) => ({ id, count: 8 }));
    const seen: unknown[] = [];
    store.subscribe(() => seen.push(store.snapshot()));
    server.accepting = false;
    server.cut();
    await eventually(() => state.current.status === "stale");
    expect(store.snapshot()).toMatchObject({ count: 7 });
    server.accepting = true;
    await eventually(() => state.current.status === "live");
    expect(seen).toEqual([{ __musubi_store_id__: [], id: "a", count: 8 }]);
    expect(server.messages("mount")).toEqual([
      { module: "Counter", id: "a", params: { start: 1 } },
      { module: "Counter", id: "a", params: { start: 1 } },
    ]);
    await connection.disconnect();
  });

  test("protocol.md 2: nothing is pushed outside a join; phoenix.js's buffer stays empty", async () => {
    const connection = await open();
    const { store } = await connection.mountStore({ module: "Counter", id: "a" });
    server.command("touch", () => ({ ok: true }));
    server.accepting = false;
    server.cut();
    await eventually(() => connection.status.current === "reconnecting");
    const command = store.dispatchCommand("touch" as never);
    const mount = connection.mountStore({ module: "Counter", id: "b" });
    const before = server.received.length;
    server.accepting = true;
    await command;
    await mount;
    const events = server.received.slice(before).map((message) => message.event);
    expect(events[0]).toBe("phx_join");
    expect(events.filter((event) => event === "command")).toHaveLength(1);
    expect(events.indexOf("command")).toBeGreaterThan(events.indexOf("mount"));
    await connection.disconnect();
  });
});

describe("leaving nothing behind", () => {
  test("client.md 7: disconnect settles every promise and leaves no timer", async () => {
    const connection = await open();
    const { store, state } = await connection.mountStore({ module: "Counter", id: "a" });
    server.intercept("mount", () => {});
    server.intercept("command", () => {});
    const mounting = connection.mountStore({ module: "Counter", id: "b" });
    const command = store.dispatchCommand("touch" as never);
    await eventually(() => server.messages("command").length === 1);
    await connection.disconnect();
    await expect(mounting).rejects.toMatchObject({ code: "disconnected" });
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    expect(state.current.status).toBe("closed");
    expect(clock.pending).toBe(0);
  });

  test("client.md 18: malformed messages throw nowhere and are ignored or recovered from", async () => {
    const connection = await open();
    const { state } = await connection.mountStore({ module: "Counter", id: "a" });
    for (const payload of [null, 7, "x", [], {}, { root_id: 7 }, { root_id: "Counter:a" }])
      server.push("patch", payload);
    for (const payload of [null, {}, { root_id: "nobody" }]) server.push("root_down", payload);
    await eventually(
      () => server.messages("mount").length === 2,
      "the root recovers from the envelope without a shape",
    );
    await eventually(() => state.current.status === "live");
    await connection.disconnect();
  });
});
