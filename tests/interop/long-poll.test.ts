import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "@musubi/client";
import {
  type Clock,
  channel,
  command,
  createMusubiServer,
  defineStore,
  type InferStores,
  joined,
  type MusubiServer,
  ok,
  stream,
} from "@musubi/server";
import { FakeClock } from "@musubi/testing";
import { LongPoll, Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { startDeafProxy } from "./support/deaf-proxy.js";
import { silentLogger } from "./support/echo-server.js";

const Counter = defineStore("Counter", {
  streams: { log: { key: (entry: { id: string }) => entry.id } },
  mount: () => ({ count: 0 }),
  render: ({ count }) => ({ count, log: stream("log") }),
  commands: {
    add: command(v.object({ by: v.number() }), (ctx, { by }) => {
      ctx.assign({ count: ctx.assigns.count + by });
      ctx.stream("log").insert({ id: String(ctx.assigns.count) });
      return { count: ctx.assigns.count };
    }),
  },
});

function createServerOf(options: { readonly clock?: Clock } = {}) {
  return createMusubiServer({
    stores: [Counter],
    channels: [
      channel("room:*", {
        join: ({ socket }) => joined(null, socket.params),
        handlers: { ping: (_ctx, said) => ok(said) },
      }),
    ],
    connect: ({ params }) => (params["refuse"] === undefined ? { id: params["id"] ?? null } : false),
    logger: silentLogger,
    longPoll: { windowMs: 2_000 },
    ...options,
  });
}

let musubi: ReturnType<typeof createServerOf>;
let http: Server;
let port: number;
const sockets: Socket[] = [];
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  musubi = createServerOf();
  [http, port] = await serve(musubi);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await musubi.close();
  for (const end of ends.splice(0)) await end();
  await closed(http);
});

async function serve(served: MusubiServer, at = 0): Promise<[Server, number]> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  served.attach(server, { path: "/socket" });
  await new Promise<void>((resolve) => server.listen(at, "127.0.0.1", resolve));
  return [server, (server.address() as AddressInfo).port];
}

async function closed(server: Server): Promise<void> {
  const end = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await end;
}

/** Everything that phoenix.js told of its socket. */
function open(options: Record<string, unknown> = {}, at = port): { readonly socket: Socket; readonly told: unknown[] } {
  const socket = new Socket(`ws://127.0.0.1:${at}/socket`, {
    transport: LongPoll,
    reconnectAfterMs: () => 20,
    ...options,
  });
  const told: unknown[] = [];
  socket.onOpen(() => void told.push("open"));
  socket.onClose(({ code, reason }: { code: number; reason: string }) => void told.push(`close ${code} ${reason}`));
  socket.onError((error: unknown) => void told.push(typeof error === "number" ? `error ${error}` : "error"));
  sockets.push(socket);
  return { socket, told };
}

async function joinRoom(socket: Socket, params: object = {}): Promise<{ ping(n: number): Promise<unknown> }> {
  const room = socket.channel("room:a", params);
  await new Promise((resolve, reject) => room.join().receive("ok", resolve).receive("error", reject));
  return {
    ping: (n) =>
      new Promise((resolve, reject) => room.push("ping", { n }).receive("ok", resolve).receive("timeout", reject)),
  };
}

describe("phoenix.js's LongPoll", () => {
  it("carries @musubi/client: mount, commands, patches, streams", async () => {
    const { socket } = open();
    socket.connect();
    const connection = await connect<InferStores<typeof musubi>>(socket);
    const mounted = await connection.mountStore({ module: "Counter", id: "c" });
    for (let n = 1; n <= 5; n++) {
      await expect(mounted.store.dispatchCommand("add", { by: n })).resolves.toEqual({ count: (n * (n + 1)) / 2 });
    }
    await expect.poll(() => mounted.store.snapshot()).toMatchObject({ count: 15 });
    expect(mounted.store.snapshot()?.log.map(({ id }) => id)).toEqual(["1", "3", "6", "10", "15"]);
    expect(musubi.inspect()).toMatchObject({ sockets: 1, roots: [{ module: "Counter" }] });
    await connection.disconnect();
  });

  it("takes over after longPollFallbackMs where a proxy swallows WebSockets, and is remembered", async () => {
    const proxy = await startDeafProxy(port);
    ends.push(() => proxy.close());
    const memory = new Map<string, string>();
    const sessionStorage = { getItem: (key: string) => memory.get(key) ?? null, setItem: memory.set.bind(memory) };
    const options = { transport: WebSocket, longPollFallbackMs: 100, sessionStorage };
    const first = open(options, proxy.port);
    first.socket.connect();
    await expect((await joinRoom(first.socket)).ping(1)).resolves.toEqual({ n: 1 });
    expect(proxy.swallowed).toBe(1);
    expect([...memory]).toEqual([["phx:fallback:LongPoll", "true"]]);
    const second = open(options, proxy.port);
    second.socket.connect();
    await expect((await joinRoom(second.socket)).ping(2)).resolves.toEqual({ n: 2 });
    expect(proxy.swallowed).toBe(1);
  });

  it("is not needed where WebSockets pass", async () => {
    const { socket, told } = open({ transport: WebSocket, longPollFallbackMs: 5_000 });
    socket.connect();
    await expect((await joinRoom(socket)).ping(1)).resolves.toEqual({ n: 1 });
    expect((socket as unknown as { conn: unknown }).conn).toBeInstanceOf(WebSocket);
    expect(told).toEqual(["open"]);
  });

  it("that is refused says 403 and closes with 1008; a WebSocket tells no more than that it failed", async () => {
    const polling = open({ params: { refuse: "1" }, reconnectAfterMs: () => 60_000 });
    polling.socket.connect();
    await expect.poll(() => polling.told).toEqual(["error 403", "close 1008 forbidden"]);
    const upgrading = open({ params: { refuse: "1" }, transport: WebSocket, reconnectAfterMs: () => 60_000 });
    upgrading.socket.connect();
    await expect.poll(() => upgrading.told).toEqual(["error", "close 1006 "]);
  });

  it("joins again after disconnect(id), and after the server is gone for a while", async () => {
    const { socket, told } = open({ params: { id: "me" } });
    socket.connect();
    const room = await joinRoom(socket);
    musubi.disconnect("me");
    await expect.poll(() => told).toEqual(["open", "error 410", "close 3410 session_gone", "open"]);
    await expect(room.ping(1)).resolves.toEqual({ n: 1 });
    told.length = 0;

    await musubi.close();
    await closed(http);
    await expect.poll(() => told.length).toBeGreaterThan(0);
    musubi = createServerOf();
    [http] = await serve(musubi, port);
    await expect.poll(() => told.at(-1)).toBe("open");
    await expect(room.ping(2)).resolves.toEqual({ n: 2 });
    expect(musubi.inspect().sockets).toBe(1);
  });

  it("keeps its session through empty windows", async () => {
    const clock = new FakeClock();
    const still = createServerOf({ clock });
    const [server, at] = await serve(still);
    ends.push(
      () => still.close(),
      () => closed(server),
    );
    let polls = 0;
    class CountingLongPoll extends LongPoll {
      override poll(): void {
        polls += 1;
        super.poll();
      }
    }
    const { socket, told } = open({ transport: CountingLongPoll }, at);
    socket.connect();
    const room = await joinRoom(socket);
    await expect.poll(() => clock.pending).toBe(2);
    for (let empty = 0; empty < 5; empty++) {
      const before = polls;
      clock.advance(2_000);
      // The timers: one for the session's silence, and one for the poll that is held again.
      await expect.poll(() => [polls, clock.pending]).toEqual([before + 1, 2]);
    }
    await expect(room.ping(1)).resolves.toEqual({ n: 1 });
    expect(told).toEqual(["open"]);
  });

  it("sends more than a batch of pushes, in order", async () => {
    const { socket } = open();
    socket.connect();
    const room = await joinRoom(socket);
    const answers = await Promise.all(Array.from({ length: 250 }, (_, n) => room.ping(n)));
    expect(answers).toEqual(Array.from({ length: 250 }, (_, n) => ({ n })));
  });
});
