import { eventually, FakeClock, ScriptedServer, type TransportConstructor } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type AnyRegistry,
  type ConnectionDetail,
  connect,
  MusubiDisconnectedError,
  type SocketLike,
} from "../index.js";
import { mountConnectionRoot, openConnectionState } from "../runtime.js";
import { type CreateSocketOptions, createSocket } from "../socket.js";

let server: ScriptedServer;
let clock: FakeClock;
let urls: string[];
let sockets: { disconnect(): void }[];
const logger = { warn: vi.fn(), error: vi.fn() };

beforeEach(() => {
  vi.clearAllMocks();
  clock = new FakeClock();
  urls = [];
  sockets = [];
  server = new ScriptedServer().store("Counter", (id) => ({ id, count: 0 }));
});

afterEach(() => {
  for (const socket of sockets) socket.disconnect();
  expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
});

const bare = (options?: object) => {
  const socket = server.createSocket(options);
  sockets.push(socket);
  return socket;
};
const kept = (options: CreateSocketOptions = {}) => {
  const { transport } = server.createSocket() as unknown as { transport: TransportConstructor };
  class Recording extends transport {
    constructor(url: string) {
      super(url);
      urls.push(url.replace(/\?.*/, ""));
    }
  }
  const random = () => 0.5;
  const rejoinBackoff = { baseMs: 1, capMs: 2 };
  const socket = createSocket(Socket, "ws://one.test/socket", {
    transport: Recording,
    clock,
    logger,
    random,
    rejoinBackoff,
    ...options,
  });
  sockets.push(socket);
  return socket;
};
const open = (socket: SocketLike) => openConnectionState(socket, { clock, logger, random: () => 0.5 }).connection;
const connectTo = (socket: SocketLike) => connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
/** What was told, and what the detail was at each time. */
const record = (connection: {
  statusDetail: { current: ConnectionDetail; subscribe(listener: () => void): unknown };
}) => {
  const seen: ConnectionDetail[] = [];
  connection.statusDetail.subscribe(() => seen.push(connection.statusDetail.current));
  return seen;
};
const refuseJoins = (response: unknown) =>
  server.intercept("phx_join", (message) => server.reply(message, "error", response));

describe("statusDetail", () => {
  test("client.md 2: on a createSocket: one notification per change, with why, since when, and when it is tried again", async () => {
    server.joinReply = { session: { id: "s1", token: "t1", idle_timeout_ms: 1 } };
    const connection = open(kept());
    const seen = record(connection);
    const begun = { transport: "connecting", session: null, since: 1_000_000, reason: null, nextRetryAt: null };
    expect(connection.statusDetail.current).toEqual({ status: "connecting", ...begun });
    await connection.ready;
    clock.advance(7);
    server.cut(1012);
    await eventually(() => seen.at(-1)?.transport === "waiting");
    clock.advance(250);
    await eventually(() => connection.status.current === "ready");
    clock.advance(1);
    connection.release();
    const reason = { kind: "closed", closeCode: 1012, text: "" };
    const up = { transport: "open", session: "s1", reason: null, nextRetryAt: null };
    const down = { status: "reconnecting", session: "s1", since: 1_000_007, reason, nextRetryAt: null };
    expect(seen).toEqual([
      { status: "connecting", ...begun, transport: "open" },
      { status: "ready", ...up, since: 1_000_000 },
      { ...down, transport: "waiting", nextRetryAt: 1_000_257 },
      { ...down, transport: "connecting" },
      { ...down, transport: "open" },
      { status: "ready", ...up, since: 1_000_257 },
      { status: "closed", ...up, since: 1_000_258, reason: { kind: "disconnected" } },
    ]);
  });

  test("client.md 2: on a bare phoenix.js socket: open or connecting, with the close code", async () => {
    const connection = open(bare());
    await connection.ready;
    const seen = record(connection);
    server.cut(1012);
    await eventually(() => seen.length > 0 && connection.status.current === "ready");
    const reason = { kind: "closed", closeCode: 1012, text: "" };
    const down = { status: "reconnecting", reason, nextRetryAt: null };
    expect(seen).toMatchObject([
      { ...down, transport: "connecting" },
      { ...down, transport: "open" },
      { status: "ready", transport: "open", reason: null },
    ]);
    connection.release();
  });

  test("client.md 2: without a clock of the app's, times are milliseconds since 1970, as createSocket's are", async () => {
    const { clock: _fake, ...options } = { clock, logger };
    const { transport } = server.createSocket() as unknown as { transport: TransportConstructor };
    const socket = createSocket(Socket, "ws://one.test/socket", { transport, logger });
    sockets.push(socket);
    const { connection, ready } = openConnectionState(socket, options);
    await ready;
    const since2020 = (ms: number) => ms > Date.UTC(2020);
    expect([connection.statusDetail.current.since, socket.statusDetail.current.since].map(since2020)).toEqual([
      true,
      true,
    ]);
    connection.release();
  });

  test("client.md 2: status and statusDetail agree whenever either is heard, and status only of its own changes", async () => {
    const connection = open(kept());
    const heard: unknown[] = [];
    const note = (by: string) => () =>
      heard.push([by, connection.status.current, connection.statusDetail.current.status]);
    connection.status.subscribe(note("status"));
    connection.statusDetail.subscribe(note("detail"));
    await connection.ready;
    connection.release();
    expect(heard).toEqual([
      ["detail", "connecting", "connecting"],
      ["status", "ready", "ready"],
      ["detail", "ready", "ready"],
      ["status", "closed", "closed"],
      ["detail", "closed", "closed"],
    ]);
  });

  test.each([
    ["a refused rejoin", () => refuseJoins({ reason: "busy" }), { kind: "join_refused", details: { reason: "busy" } }],
    ["a crash", () => server.intercept("phx_join", () => {}), { kind: "channel_crashed" }],
  ])("client.md 2: the reason after %s", async (_what, arrange, reason) => {
    const connection = open(bare());
    await connection.ready;
    const undo = arrange();
    server.crash();
    await eventually(() => connection.statusDetail.current.reason?.kind === reason.kind);
    expect(connection.statusDetail.current).toMatchObject({ status: "reconnecting", transport: "open", reason });
    undo();
    server.cut();
    await eventually(() => connection.status.current === "ready");
    expect(connection.statusDetail.current.reason).toBeNull();
    connection.release();
  });

  test("client.md 2: the reason after a phx_close, with which the session goes", async () => {
    server.joinReply = { session: { id: "s1", token: "t1", idle_timeout_ms: 1 } };
    const connection = open(bare());
    await connection.ready;
    const seen = record(connection);
    server.closeChannel();
    await eventually(() => seen.length === 1);
    expect(seen).toMatchObject([
      { status: "reconnecting", session: null, reason: { kind: "channel_closed" }, nextRetryAt: clock.now() + 500 },
    ]);
    clock.advance(499);
    const undo = server.intercept("phx_join", () => {});
    expect(seen.length).toBe(1);
    clock.advance(1);
    expect(seen[1]).toMatchObject({ status: "reconnecting", nextRetryAt: null });
    undo();
    connection.release();
  });

  test("client.md 3: a join time-out is waited out, and is the reason meanwhile", async () => {
    const undo = server.intercept("phx_join", () => {});
    const connection = open(bare({ timeout: 5 }));
    const mounting = mountConnectionRoot(connection, { module: "Counter", id: "a" });
    await eventually(() => connection.statusDetail.current.reason?.kind === "join_timeout");
    expect(connection.status.current).toBe("connecting");
    undo();
    await mounting.ready;
    expect(connection.status.current).toBe("ready");
    connection.release();
  });

  test("client.md 7: nothing listens to the socket once it is closed", async () => {
    const socket = bare();
    const refs = new Set<unknown>();
    const watched: SocketLike = {
      connect: () => socket.connect(),
      isConnected: () => socket.isConnected(),
      channel: (topic, params) => socket.channel(topic, params),
      onOpen: (callback) => note(socket.onOpen(callback)),
      onClose: (callback) => note(socket.onClose(callback)),
      off: (given) => {
        for (const ref of given) refs.delete(ref);
        socket.off(given);
      },
    };
    const note = (ref: unknown) => {
      refs.add(ref);
      return ref;
    };
    for (const topology of ["shared", "channel-per-root"] as const) {
      const connection = await connect<AnyRegistry>(watched, { clock, logger, topology });
      expect(refs.size).toBeGreaterThan(0);
      await connection.disconnect();
      expect(refs.size).toBe(0);
    }
  });
});

describe("a server that has moved", () => {
  /** Refuses every join at an address other than this one. */
  const moveTo = (url: string, at: string) =>
    server.intercept("phx_join", (message, proceed) =>
      urls.at(-1) === at ? proceed() : server.reply(message, "error", { reason: "moved", url }),
    );

  test("client.md 3: a createSocket goes there; connect waits and is ready there", async () => {
    moveTo("ws://two.test/other", "ws://two.test/other/websocket");
    const connection = open(kept());
    const seen = record(connection);
    await connection.ready;
    expect(urls).toEqual(["ws://one.test/socket/websocket", "ws://two.test/other/websocket"]);
    const reason = { kind: "moved", url: "ws://two.test/other" };
    expect(seen).toMatchObject([
      { status: "connecting", transport: "open", reason: null },
      { status: "connecting", transport: "connecting", reason },
      { status: "connecting", transport: "open", reason },
      { status: "ready", reason: null },
    ]);
    connection.release();
  });

  test("client.md 3: also on a rejoin, with roots live again there; and a path stays on its host", async () => {
    const connection = open(kept());
    await mountConnectionRoot(connection, { module: "Counter", id: "a" }).ready;
    moveTo("/moved?x=1", "ws://one.test/moved/websocket");
    server.crash();
    await eventually(() => urls.length === 2 && connection.status.current === "ready");
    expect(urls[1]).toBe("ws://one.test/moved/websocket");
    expect(server.messages("mount")).toHaveLength(2);
    expect(logger.warn).not.toHaveBeenCalled();
    connection.release();
  });

  test("client.md 3: where the app or common sense says no, it is a refusal with its reason", async () => {
    const isMoveAllowed = vi.fn(() => false);
    for (const url of ["ws://two.test/socket", "file:///etc/passwd"]) {
      const undo = refuseJoins({ reason: "moved", url });
      const connection = open(kept({ isMoveAllowed }));
      const error: unknown = await connection.ready.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "join_refused", details: { kind: "moved", url } });
      expect(connection.statusDetail.current).toMatchObject({ status: "closed", reason: { kind: "moved", url } });
      undo();
    }
    expect(isMoveAllowed.mock.calls).toEqual([["ws://two.test/socket"]]);
  });

  test("client.md 3: a server that sends round and round is left after five moves", async () => {
    let moves = 0;
    server.intercept("phx_join", (message) =>
      server.reply(message, "error", { reason: "moved", url: `ws://n${++moves}.test/socket` }),
    );
    await expect(connectTo(kept())).rejects.toMatchObject({ code: "join_refused" });
    expect(urls).toHaveLength(6);
  });

  test("client.md 3: a bare phoenix.js socket stays: a first join is refused, a rejoin tried again, for that reason", async () => {
    const undo = refuseJoins({ reason: "moved", url: "ws://two.test/socket" });
    const first = open(bare());
    await expect(first.ready).rejects.toMatchObject({ code: "join_refused" });
    expect(first.statusDetail.current.reason).toEqual({ kind: "moved", url: "ws://two.test/socket" });
    undo();
    const connection = open(bare());
    await connection.ready;
    const end = refuseJoins({ reason: "moved", url: "ws://two.test/socket" });
    server.crash();
    await eventually(() => connection.statusDetail.current.reason?.kind === "moved");
    expect(connection.status.current).toBe("reconnecting");
    end();
    await eventually(() => connection.status.current === "ready");
    connection.release();
  });
});

describe("a close that says not to come back", () => {
  test("client.md 7: closes the connection, and settles everything that waits", async () => {
    const socket = kept();
    const connection = await connectTo(socket);
    const { store, state } = await connection.mountStore({ module: "Counter", id: "a" });
    server.intercept("mount", () => {});
    server.intercept("command", () => {});
    const mounting = connection.mountStore({ module: "Counter", id: "b" });
    const command = store.dispatchCommand("touch" as never);
    await eventually(() => server.messages("command").length === 1);
    const seen = record(connection);
    server.cut(4403);
    await expect(mounting).rejects.toSatisfy((error) => MusubiDisconnectedError.is(error));
    await expect(mounting).rejects.toMatchObject({ code: "socket_closed" });
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    const reason = { kind: "closed", closeCode: 4403, text: "" };
    expect(seen).toMatchObject([{ status: "closed", transport: "stopped", reason, nextRetryAt: null }]);
    expect(state.current).toMatchObject({ status: "closed", error: { code: "socket_closed" } });
    await expect(connection.mountStore({ module: "Counter", id: "c" })).rejects.toMatchObject({
      code: "socket_closed",
    });
    await connection.disconnect();
    expect([connection.statusDetail.current.reason, clock.pending]).toEqual([reason, 0]);
  });

  test("client.md 3: before the first join it rejects connect; while it waits to reopen it leaves no timer", async () => {
    server.intercept("phx_join", () => server.cut(4401));
    const error: unknown = await connectTo(kept()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "socket_closed",
      retryable: false,
      details: { kind: "closed", closeCode: 4401 },
    });

    server = new ScriptedServer();
    const connection = open(kept());
    await connection.ready;
    server.closeChannel();
    await eventually(() => connection.status.current === "reconnecting");
    server.cut(4403);
    await eventually(() => connection.status.current === "closed");
  });

  test("client.md 3: the next connect with that socket tries afresh", async () => {
    const socket = kept();
    const first = await connectTo(socket);
    server.cut(4403);
    await eventually(() => first.status.current === "closed");
    const second = await connectTo(socket);
    await second.mountStore({ module: "Counter", id: "a" });
    expect([first.status.current, second.status.current, urls.length]).toEqual(["closed", "ready", 2]);
    await first.disconnect();
    expect(second.status.current).toBe("ready");
    await second.disconnect();
  });

  test("client.md 2: the app's own disconnect of the socket, as for the back/forward cache, is no such close", async () => {
    const socket = kept();
    const connection = await connectTo(socket);
    socket.disconnect();
    await eventually(() => connection.status.current === "reconnecting");
    expect(connection.statusDetail.current).toMatchObject({ transport: "idle", reason: { kind: "disconnected" } });
    socket.connect();
    await eventually(() => connection.status.current === "ready");
    await connection.disconnect();
  });
});
