import { MusubiCommandError } from "@musubi/client";
import { createSocket } from "@musubi/client/socket";
import { eventually } from "@musubi/testing";
import type { Redis } from "iovalkey";
import { type Channel, Socket } from "phoenix";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TcpProxy } from "../e2e/support/tcp-proxy.js";
import { RedisServer } from "./support/redis-server.js";
import { buildServer, type ServerProcess } from "./support/server-process.js";
import { mountBoard as board, startNode, type ValkeyNode as Node } from "./support/valkey-node.js";

describe("two processes that share a Valkey", () => {
  let redis: RedisServer;
  let eye: Redis;
  let nodes: readonly [Node, Node];
  const processes: ServerProcess[] = [];
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    buildServer();
    redis = await RedisServer.start();
    eye = redis.client();
  }, 120_000);
  afterAll(async () => {
    eye?.disconnect();
    await redis?.stop();
  });
  const start = (): Promise<Node> => startNode(redis, (process) => void processes.push(process));

  beforeEach(async () => {
    nodes = await Promise.all([start(), start()]);
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
    for (const process of processes.splice(0)) await process.end("SIGKILL");
  });

  function plainSocket(port: number): Socket {
    const socket = new Socket(`ws://127.0.0.1:${port}/socket`, { transport: WebSocket, reconnectAfterMs: () => 20 });
    closers.push(() => socket.disconnect());
    return socket;
  }

  async function enter(port: number, room: string): Promise<{ channel: Channel; heard: [string, unknown][] }> {
    const socket = plainSocket(port);
    socket.connect();
    const channel = socket.channel(room);
    const heard: [string, unknown][] = [];
    for (const event of ["said", "counted"]) channel.on(event, (payload) => void heard.push([event, payload]));
    await new Promise((done, fail) => channel.join().receive("ok", done).receive("error", fail));
    return { channel, heard };
  }

  /** The server has the subscriptions of this many nodes. */
  const subscribed = (topic: string, count: number) =>
    expect.poll(async () => Number((await eye.pubsub("NUMSUB", `musubi:${topic}`))[1])).toBe(count);

  test("stores see what stores of the other process published, each once and in order", async () => {
    const boards = [
      await board(plainSocket(nodes[0].port), "a"),
      await board(plainSocket(nodes[1].port), "a"),
    ] as const;
    const [here, there] = boards;
    await subscribed("notes", 2);
    const notes = Array.from({ length: 20 }, (_, n) => ({ n }));
    for (const note of notes) await here.dispatchCommand("note", note);
    await expect.poll(() => boards.map((each) => each.snapshot()?.notes)).toEqual([notes, notes]);
    await there.dispatchCommand("note", { back: true });
    await expect.poll(() => here.snapshot()?.notes.at(-1)).toEqual({ back: true });
    expect(here.snapshot()?.pid).not.toBe(there.snapshot()?.pid);
  });

  test("a broadcast reaches the clients of both processes, broadcastFrom all but its sender, 1 000 in order", async () => {
    const [ada, bob, eve] = await Promise.all([0, 1, 1].map((at) => enter(nodes[at as 0 | 1].port, "room:a")));
    await subscribed("phx:room:a", 2);
    ada?.channel.push("all", { n: 1 });
    for (const each of [ada, bob, eve]) await expect.poll(() => each?.heard).toEqual([["said", { n: 1 }]]);
    bob?.channel.push("say", { n: 2 });
    for (const each of [ada, eve]) await expect.poll(() => each?.heard.at(-1)).toEqual(["said", { n: 2 }]);
    ada?.channel.push("burst", { count: 1_000 });
    const counted = Array.from({ length: 1_000 }, (_, n) => ["counted", { n }]);
    for (const each of [ada, bob, eve]) await expect.poll(() => each?.heard.slice(-1_000)).toEqual(counted);
    expect([ada, bob, eve].map((each) => each?.heard.length)).toEqual([1_002, 1_001, 1_002]);
  });

  test("a Valkey that is killed costs no client its connection, and all is well when it is back", async () => {
    const [ada, bob] = await Promise.all(nodes.map(({ port }) => enter(port, "room:a")));
    let drops = 0;
    for (const each of [ada, bob]) each?.channel.onError(() => void (drops += 1));
    await subscribed("phx:room:a", 2);
    await redis.kill();
    ada?.channel.push("all", { n: 1 });
    await expect.poll(() => ada?.heard).toEqual([["said", { n: 1 }]]);
    await redis.start();
    await subscribed("phx:room:a", 2);
    for (const [from, to] of [
      [ada, bob],
      [bob, ada],
    ]) {
      await expect
        .poll(() => {
          from?.channel.push("say", { from: from === ada });
          return to?.heard.at(-1);
        })
        .toEqual(["said", { from: from === ada }]);
    }
    expect(drops).toBe(0);
    // What was broadcast meanwhile may be lost to the others, and comes once at most.
    expect(bob?.heard.filter(([, payload]) => (payload as { n?: number }).n === 1).length).toBeLessThan(2);
  });

  test("kill -9 of a process: its clients go on at the other, and each command settles once, with its fate known", async () => {
    const [dying, living] = nodes;
    const network = new TcpProxy(dying.port);
    await network.listen();
    closers.push(() => network.close());
    const url = `ws://127.0.0.1:${network.port}/socket`;
    const sockets = [
      createSocket(Socket, url, { transport: WebSocket, reconnectBackoff: { baseMs: 20, capMs: 100 } }),
      plainSocket(network.port),
    ];
    closers.push(() => sockets[0]?.disconnect());
    const clients = await Promise.all(
      sockets.map(async (socket, at) => ({
        stuck: await board(socket, `stuck ${at}`),
        running: await board(socket, `running ${at}`),
        blanks: 0,
        settled: [] as { n: number; by: number | "unknown" | "not_sent" }[],
        hung: [] as unknown[],
      })),
    );
    await subscribed("notes", 1);
    const watcher = await board(plainSocket(living.port), "watcher");
    await subscribed("notes", 2);
    for (const { stuck, hung } of clients) {
      stuck.dispatchCommand("hang").then(
        (reply) => hung.push(reply),
        (error: unknown) => hung.push(error),
      );
    }
    await eventually(
      () => dying.process.lines.filter((line) => line === "hanging").length === clients.length,
      "both hang",
    );
    const over = new AbortController();
    let n = 0;
    const looping = (async () => {
      // Commands all the time: before, while it dies, and after.
      for (; !over.signal.aborted; n++) {
        const number = n;
        for (const client of clients) {
          if (client.running.snapshot() === undefined) client.blanks += 1;
          client.running.dispatchCommand("run", { n: number }).then(
            ({ pid }) => client.settled.push({ n: number, by: pid }),
            (error: unknown) => {
              if (!MusubiCommandError.is(error) || error.fate === "rejected") throw error;
              client.settled.push({ n: number, by: error.fate });
            },
          );
        }
        await new Promise((done) => setTimeout(done, 1));
      }
    })();
    const ranBy = (node: Node) => (each: { by: unknown }) => each.by === node.process.pid;
    await eventually(() => clients.every(({ settled }) => settled.filter(ranBy(dying)).length > 20), "they run");
    await clients[0]?.running.dispatchCommand("note", { last: "words" });
    network.lead(living.port);
    await dying.process.end("SIGKILL");
    await eventually(() => clients.every(({ settled }) => settled.filter(ranBy(living)).length > 20), "they run again");
    over.abort();
    await looping;

    await eventually(() => clients.every(({ settled }) => settled.length === n), "each has settled");
    for (const { settled, running, stuck, hung, blanks } of clients) {
      expect(settled.map((each) => each.n).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, at) => at));
      // A fresh tree: what the living one has run, in order, is what it answered, and nothing that was sent to the dead.
      const ran = settled.filter(ranBy(living)).map((each) => each.n);
      await expect.poll(() => running.snapshot()).toMatchObject({ pid: living.process.pid, notes: [], ran });
      await expect.poll(() => stuck.snapshot()?.pid).toBe(living.process.pid);
      expect(hung).toMatchObject([{ name: "MusubiCommandError", kind: "interrupted", fate: "unknown" }]);
      expect(blanks).toBe(0);
    }
    // The survivors have heard the dead one's last words, and hear each other.
    expect(watcher.snapshot()?.notes).toEqual([{ last: "words" }]);
    await clients[1]?.running.dispatchCommand("note", { all: "well" });
    await expect.poll(() => watcher.snapshot()?.notes.at(-1)).toEqual({ all: "well" });
    await expect.poll(() => clients[0]?.stuck.snapshot()?.notes).toEqual([{ all: "well" }]);
    await subscribed("notes", 1);
  });

  test("a process that closes everything ends: no connection or timer is left", async () => {
    await enter(nodes[0].port, "room:a");
    await subscribed("phx:room:a", 1);
    expect(await nodes[0].process.end("SIGTERM")).toBe(0);
    // With the server away as well.
    await redis.kill();
    expect(await nodes[1].process.end("SIGTERM")).toBe(0);
    await redis.start();
  });
});
