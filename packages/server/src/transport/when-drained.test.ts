import { afterEach, expect, it } from "vitest";
import { type ChannelContext, channel, joined } from "../channels/channel.js";
import { PollClient } from "./poll-client.test.util.js";
import { listeningLogger, RawClient, type Running, start } from "./raw-client.test.util.js";

let running: Running | undefined;
let contexts: ChannelContext[] = [];

const line = channel("room:*", {
  join: (ctx) => {
    contexts.push(ctx);
    return joined(null);
  },
});

async function run(options: Parameters<typeof start>[0] = {}): Promise<Running> {
  running = await start({ channels: [line], ...options });
  return running;
}

afterEach(async () => {
  contexts = [];
  await running?.stop();
});

/** The one channel that has been joined. */
function joinedOne(): ChannelContext {
  const [context] = contexts;
  if (context === undefined) throw new Error("nobody has joined");
  return context;
}

/** Tells what waited on the socket of the one channel at each call. */
function watch(): { readonly seen: number[]; readonly undo: () => void } {
  const { socket } = joinedOne();
  const seen: number[] = [];
  const undo = socket.whenDrained(() => void seen.push(socket.unsentBytes()));
  expect(seen).toEqual([]);
  return { seen, undo };
}

async function nothingHappens(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it("rule 11: over WebSocket, what waited has been taken when the client reads on", async () => {
  const { port } = await run();
  const client = await RawClient.open(port);
  await client.join("room:a");
  const { socket, push } = bound(joinedOne());
  client.webSocket.pause();
  while (socket.unsentBytes() < 1_000_000) {
    push("x".repeat(100_000));
    await nothingHappens();
  }
  const [first, undone, second] = [watch(), watch(), watch()];
  undone.undo();
  await nothingHappens();
  expect(first.seen).toEqual([]);
  client.webSocket.resume();
  await expect.poll(() => second.seen.length).toBeGreaterThan(0);
  expect([first.seen, undone.seen, second.seen]).toEqual([[0], [], [0]]);
  // Once, and again only for who asks again; what is sent in the same tick waits too.
  push("y");
  const again = watch();
  await expect.poll(() => again.seen.length).toBeGreaterThan(0);
  expect([first.seen, second.seen, again.seen]).toEqual([[0], [0], [0]]);
});

it("rule 11: so it does with compression", async () => {
  const { port } = await run({ compress: true });
  const client = await RawClient.open(port);
  await client.join("room:a");
  const { socket, push } = bound(joinedOne());
  for (let at = 0; at < 50; at++) push("x".repeat(100_000));
  expect(socket.unsentBytes()).toBeGreaterThan(1_000_000);
  const { seen } = watch();
  // What is sent later is not waited for.
  push("y".repeat(2_000_000));
  await expect.poll(() => seen.length).toBeGreaterThan(0);
  expect(seen.length).toBe(1);
  const later = watch();
  await expect.poll(() => later.seen.length).toBeGreaterThan(0);
  expect(later.seen).toEqual([0]);
});

it("rule 11: over long-poll, the next poll takes it", async () => {
  const { port } = await run();
  const client = await PollClient.open(port);
  await client.join("room:a");
  const { socket, push } = bound(joinedOne());
  push("x".repeat(100_000));
  expect(socket.unsentBytes()).toBeGreaterThan(100_000);
  const [watched, undone] = [watch(), watch()];
  undone.undo();
  await nothingHappens();
  expect(watched.seen).toEqual([]);
  await client.messages();
  await expect.poll(() => watched.seen.length).toBeGreaterThan(0);
  expect([watched.seen, undone.seen]).toEqual([[0], []]);
});

it.each(["websocket", "longpoll"])(
  "rule 11: one that waits for nothing is told soon; one that undid it, or whose socket has gone, never is (%s)",
  async (transport) => {
    const { port, endpoint } = await run();
    const client = transport === "websocket" ? await RawClient.open(port) : await PollClient.open(port);
    await client.join("room:a");
    const { socket, push } = bound(joinedOne());
    await expect.poll(() => socket.unsentBytes()).toBe(0);
    const soon = watch();
    const undone = watch();
    undone.undo();
    await expect.poll(() => soon.seen.length).toBeGreaterThan(0);
    if (client instanceof RawClient) client.webSocket.pause();
    while (socket.unsentBytes() < 100_000) {
      push("x".repeat(100_000));
      if (client instanceof RawClient) await nothingHappens();
    }
    const gone = watch();
    if (client instanceof RawClient) client.webSocket.terminate();
    else await endpoint.close();
    await expect.poll(() => endpoint.inspect().sockets).toBe(0);
    await nothingHappens();
    const after = watch();
    await nothingHappens();
    expect([undone.seen, gone.seen, after.seen]).toEqual([[], [], []]);
  },
);

it("a listener can undo one that is told with it", async () => {
  const { port } = await run();
  const client = await RawClient.open(port);
  await client.join("room:a");
  const { socket } = joinedOne();
  const told: string[] = [];
  socket.whenDrained(() => {
    told.push("first");
    undo();
  });
  const undo = socket.whenDrained(() => void told.push("undone"));
  socket.whenDrained(() => void told.push("last"));
  await expect.poll(() => told.includes("last")).toBe(true);
  expect(told).toEqual(["first", "last"]);
});

it("a listener that throws is logged, and stops no other", async () => {
  const logger = listeningLogger();
  const { port } = await run({ logger });
  const client = await RawClient.open(port);
  await client.join("room:a");
  joinedOne().socket.whenDrained(() => {
    throw new Error("on purpose");
  });
  const { seen } = watch();
  await expect.poll(() => seen.length).toBeGreaterThan(0);
  expect(logger.lines).toMatchObject([{ level: "error", details: { err: { message: "on purpose" } } }]);
  await client.beat();
});

function bound(ctx: ChannelContext): {
  readonly socket: ChannelContext["socket"];
  readonly push: (payload: unknown) => void;
} {
  return { socket: ctx.socket, push: (payload) => ctx.push("data", payload) };
}
