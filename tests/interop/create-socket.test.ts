import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "@musubi/client";
import { type CreateSocketOptions, createSocket, type SocketExtras } from "@musubi/client/socket";
import { decodeTextFrame } from "@musubi/protocol";
import {
  channel,
  command,
  createEndpoint,
  createMusubiServer,
  defineStore,
  type InferStores,
  type MusubiServer,
  refused,
} from "@musubi/server";
import { eventually, FakeClock } from "@musubi/testing";
import { LongPoll, Socket } from "phoenix";
import { Socket as Socket17 } from "phoenix-1.7";
import { afterEach, describe, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

type Transport = NonNullable<CreateSocketOptions["transport"]>;

/** What the docstring of `createSocket` says it works with, and what of it runs in Node. */
const VERSIONS: [string, typeof Socket, readonly [string, Transport][]][] = [
  [
    "1.8",
    Socket,
    [
      ["WebSocket", WebSocket],
      ["LongPoll", LongPoll],
    ],
  ],
  ["1.7", Socket17, [["WebSocket", WebSocket]]],
];
const logger = { warn: vi.fn(), error: vi.fn() };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  vi.clearAllMocks();
});

function create(Phoenix: typeof Socket, port: number, options: CreateSocketOptions = {}): Socket & SocketExtras {
  const socket = createSocket(Phoenix, `ws://127.0.0.1:${port}/socket`, {
    transport: WebSocket,
    reconnectBackoff: { baseMs: 20, capMs: 100 },
    logger,
    ...options,
  });
  closers.push(() => socket.disconnect());
  return socket;
}

const standing = (socket: SocketExtras) => socket.statusDetail.current.transport;

const Visits = defineStore("Test.Visits", {
  mount: () => ({ count: 0 }),
  render: ({ count }) => ({ count }),
  commands: {
    visit: command((ctx) => {
      ctx.assign({ count: ctx.assigns.count + 1 });
      return { count: ctx.assigns.count };
    }),
  },
});

describe.each(VERSIONS)(
  "phoenix.js %s: createSocket and our server over a real socket",
  (_version, Phoenix, transports) => {
    const connectTokens: string[] = [];
    const makeServer = () =>
      createMusubiServer({
        stores: [Visits],
        // Each token is good once.
        connect: ({ params: { token = "" } }) => {
          if (connectTokens.includes(token)) return false;
          connectTokens.push(token);
          return {};
        },
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      });
    type Stores = InferStores<ReturnType<typeof makeServer>>;

    async function start(
      port = 0,
    ): Promise<{ musubi: MusubiServer; http: Server; port: number; stop(): Promise<void> }> {
      const musubi = makeServer();
      const http = createServer();
      musubi.attach(http, { path: "/socket" });
      await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
      const stop = async () => {
        await musubi.close();
        http.closeAllConnections();
        await new Promise((resolve) => http.close(resolve));
      };
      return { musubi, http, port: (http.address() as AddressInfo).port, stop };
    }

    test.each(transports)(
      "%s: a server restarts: the client reconnects with a fresh token and its root is live again",
      async (...args) => {
        const [, transport] = args;
        connectTokens.length = 0;
        const first = await start();
        let tokens = 0;
        const socket = create(Phoenix, first.port, { transport, token: async () => `t${++tokens}` });
        const connection = await connect<Stores>(socket, { logger });
        closers.push(() => connection.disconnect());
        const { store, state } = await connection.mountStore({ module: "Test.Visits", id: "a", params: {} });
        await expect(store.dispatchCommand("visit")).resolves.toEqual({ count: 1 });

        await first.stop();
        await eventually(() => connection.status.current === "reconnecting");
        await eventually(() => socket.statusDetail.current.nextRetryAt !== null);
        expect(store.snapshot()?.count).toBe(1);
        const second = await start(first.port);
        closers.push(() => second.stop());
        await eventually(
          () => connection.status.current === "ready" && state.current.status === "live",
          "live",
          10_000,
        );
        expect(store.snapshot()?.count).toBe(0);
        await expect(store.dispatchCommand("visit")).resolves.toEqual({ count: 1 });
        expect(new Set(connectTokens).size).toBe(2);
        expect(connectTokens[0]).toBe("t1");
        expect(logger.error).not.toHaveBeenCalled();
      },
    );
  },
);

describe.each(VERSIONS)("phoenix.js %s: a server that has moved", (_version, Phoenix) => {
  test("client.md 3: a join refused with moved leads to the other server, where roots are live", async () => {
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    const listen = async (attach: (http: Server) => void): Promise<string> => {
      const http = createServer();
      attach(http);
      await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
      closers.push(() => {
        http.closeAllConnections();
        return new Promise((resolve) => http.close(resolve));
      });
      return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket`;
    };
    const musubi = createMusubiServer({ stores: [Visits], logger: quiet });
    closers.push(() => musubi.close());
    const there = await listen((http) => musubi.attach(http, { path: "/socket" }));
    const here = await listen((http) => {
      const join = () => refused({ reason: "moved", url: there });
      const endpoint = createEndpoint({ channels: [channel("musubi:connection", { join })], logger: quiet });
      endpoint.attach(http, { path: "/socket" });
      closers.push(() => endpoint.close());
    });
    const asked: string[] = [];
    const socket = createSocket(Phoenix, here, {
      transport: WebSocket,
      logger,
      isMoveAllowed: (url) => asked.push(url) > 0,
    });
    closers.push(() => socket.disconnect());
    const connection = await connect<InferStores<typeof musubi>>(socket, { logger });
    closers.push(() => connection.disconnect());
    const { store } = await connection.mountStore({ module: "Test.Visits", id: "a", params: {} });
    await expect(store.dispatchCommand("visit")).resolves.toEqual({ count: 1 });
    expect([asked, connection.statusDetail.current.reason]).toEqual([[there], null]);
  });
});

describe.each(VERSIONS)("phoenix.js %s: createSocket and a bare WebSocket server", (_version, Phoenix) => {
  type Seen = { readonly event: string; readonly payload: { readonly token?: string } };

  async function startBare() {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const accepted: WebSocket[] = [];
    const seen: Seen[] = [];
    server.on("connection", (webSocket) => {
      accepted.push(webSocket);
      webSocket.on("message", (data) => {
        const { joinRef, ref, topic, event, payload } = decodeTextFrame((data as Buffer).toString());
        seen.push({ event, payload } as Seen);
        webSocket.send(JSON.stringify([joinRef, ref, topic, "phx_reply", { status: "ok", response: {} }]));
      });
    });
    await new Promise((resolve) => server.once("listening", resolve));
    closers.push(() => {
      for (const webSocket of accepted) webSocket.terminate();
      return new Promise((resolve) => server.close(resolve));
    });
    return { accepted, seen, port: (server.address() as AddressInfo).port };
  }

  test("4403 ends it; 1012 and a cut do not", async () => {
    const { accepted, port } = await startBare();
    const socket = create(Phoenix, port);
    socket.connect();
    const isOpen = (count: number) => eventually(() => standing(socket) === "open" && accepted.length === count);
    await isOpen(1);
    accepted[0]?.close(1012);
    await isOpen(2);
    accepted[1]?.terminate();
    await isOpen(3);
    accepted[2]?.close(4403, "not yours");
    await eventually(() => standing(socket) === "stopped");
    expect(socket.statusDetail.current).toMatchObject({
      nextRetryAt: null,
      reason: { kind: "closed", closeCode: 4403, text: "not yours" },
    });
  });

  test("a frame that is not JSON, and a binary one that is no message, are dropped", async () => {
    const { accepted, seen, port } = await startBare();
    const socket = create(Phoenix, port);
    socket.connect();
    await eventually(() => standing(socket) === "open" && accepted.length === 1);
    accepted[0]?.send("<html>502</html>");
    accepted[0]?.send(new Uint8Array([9, 9, 9]));
    await eventually(() => logger.error.mock.calls.length === 2);
    let isJoined = false;
    socket
      .channel("room")
      .join()
      .receive("ok", () => {
        isJoined = true;
      });
    await eventually(() => isJoined && seen.length === 1);
    expect(accepted.length).toBe(1);
  });

  test("a half-open connection: after a sleep, an unanswered probe brings a new one and the channel back", async () => {
    const { accepted, seen, port } = await startBare();
    let sleptMs = 0;
    const fake = new FakeClock();
    const clock = {
      now: () => fake.now() + sleptMs,
      setTimeout: fake.setTimeout.bind(fake),
      clearTimeout: fake.clearTimeout.bind(fake),
    };
    let tokens = 0;
    const transports: WebSocket[] = [];
    class Transport extends WebSocket {
      constructor(url: string) {
        super(url);
        transports.push(this);
      }
    }
    const socket = create(Phoenix, port, { clock, token: async () => `t${++tokens}`, transport: Transport });
    let joins = 0;
    socket.connect();
    const room = socket.channel("room");
    room.join().receive("ok", () => joins++);
    await eventually(() => joins === 1);
    accepted[0]?.pause();
    sleptMs = 3_600_000;
    fake.advance(5_000);
    expect(accepted.length).toBe(1);
    fake.advance(3_000);
    await eventually(() => joins === 2);
    expect(accepted.length).toBe(2);
    expect(seen.filter(({ event }) => event === "phx_join").map(({ payload }) => payload.token)).toEqual(["t2", "t4"]);
    // The close of the former, which comes late, is nothing to the present one.
    accepted[0]?.resume();
    accepted[0]?.terminate();
    await eventually(() => transports[0]?.readyState === WebSocket.CLOSED);
    await new Promise((resolve) => setImmediate(resolve));
    expect([room.state, standing(socket), transports.length]).toEqual(["joined", "open", 2]);
    socket.disconnect();
    expect(fake.pending).toBe(0);
  });
});
