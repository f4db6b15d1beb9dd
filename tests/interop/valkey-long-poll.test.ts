import { type Channel, LongPoll, Socket } from "phoenix";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisServer } from "./support/redis-server.js";
import { buildServer } from "./support/server-process.js";
import { mountBoard, startNode, type ValkeyNode as Node } from "./support/valkey-node.js";

// Long-poll behind a balancer that sends the requests of one client anywhere: two processes, Valkey between them.

/** Where phoenix.js is told to connect; nobody is there. */
const NOWHERE = 9;

describe("long-poll over two processes that share a Valkey and a secret", () => {
  const original = globalThis.fetch;
  let redis: RedisServer;
  let nodes: readonly [Node, Node];
  /** Every request that was sent, as method and port, in order. */
  let requests: string[];
  /** Where requests go: polls in turn, and posts. */
  let ports: readonly number[];
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    buildServer();
    redis = await RedisServer.start();
  }, 120_000);
  afterAll(() => redis?.stop());

  beforeEach(async () => {
    nodes = await Promise.all([start(), start()]);
    ports = nodes.map(({ port }) => port);
    requests = [];
    globalThis.fetch = (input, init) => {
      if (typeof input !== "string") throw new Error("phoenix.js asks with a string");
      const method = init?.method ?? "GET";
      const turn = requests.filter((each) => each.startsWith(method)).length;
      const port = ports[turn % ports.length] ?? 0;
      requests.push(`${method} ${port}`);
      return original(input.replace(`:${NOWHERE}/`, `:${port}/`), init);
    };
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
    globalThis.fetch = original;
  });

  const start = (): Promise<Node> => startNode(redis, (process) => closers.push(() => process.end("SIGKILL")));

  /** A phoenix.js socket, and what it told. */
  function open(): { readonly socket: Socket; readonly told: string[] } {
    const socket = new Socket(`ws://127.0.0.1:${NOWHERE}/socket`, {
      transport: LongPoll,
      reconnectAfterMs: () => 20,
      rejoinAfterMs: () => 20,
    });
    const told: string[] = [];
    socket.onOpen(() => void told.push("open"));
    socket.onClose(() => void told.push("close"));
    closers.push(() => socket.disconnect());
    return { socket, told };
  }

  async function enter(socket: Socket, heard: unknown[]): Promise<Channel> {
    socket.connect();
    const room = socket.channel("room:a");
    room.on("said", (payload) => void heard.push(payload));
    await new Promise((done, fail) => room.join().receive("ok", done).receive("error", fail));
    return room;
  }

  const processOf = (pid: number | undefined): Node | undefined => nodes.find(({ process }) => process.pid === pid);

  test("requests alternate: one session, at home in one of them, with mount, commands, patches and broadcasts", async () => {
    const { socket, told } = open();
    const board = await mountBoard(socket, "a");
    const home = processOf(board.snapshot()?.pid);
    const pids = new Set<number>();
    for (let n = 0; n < 20; n++) pids.add((await board.dispatchCommand("run", { n })).pid);
    expect([...pids]).toEqual([home?.process.pid]);
    await expect.poll(() => board.snapshot()?.ran).toEqual(Array.from({ length: 20 }, (_, n) => n));

    // What others say reaches the poll wherever that is held, from either process.
    const [here, there] = [[], []] as unknown[][];
    const rooms = [await enter(socket, here as unknown[]), await enter(open().socket, there as unknown[])];
    for (let n = 0; n < 10; n++) rooms[n % 2]?.push("all", { n });
    const all = Array.from({ length: 10 }, (_, n) => ({ n }));
    const byNumber = (a: unknown, b: unknown): number => (a as { n: number }).n - (b as { n: number }).n;
    for (const heard of [here, there]) await expect.poll(() => heard?.toSorted(byNumber)).toEqual(all);
    await board.dispatchCommand("note", { big: "x".repeat(300_000) });
    await expect.poll(() => board.snapshot()?.notes).toEqual([{ big: "x".repeat(300_000) }]);

    // Never a second session, though both processes had requests of both kinds.
    expect(told).toEqual(["open"]);
    for (const { port } of nodes) {
      expect(requests.filter((each) => each === `POST ${port}`).length).toBeGreaterThan(5);
      expect(requests.filter((each) => each === `GET ${port}`).length).toBeGreaterThan(5);
    }
  });

  test("kill -9 of the process where a session is at home: its client goes on at the other", async () => {
    const { socket } = open();
    const board = await mountBoard(socket, "a");
    const home = processOf(board.snapshot()?.pid);
    const other = nodes.find((each) => each !== home);
    await board.dispatchCommand("run", { n: 1 });
    // From now on the balancer knows that it is gone.
    ports = [other?.port ?? 0];
    await home?.process.end("SIGKILL");
    await expect.poll(() => board.snapshot()).toMatchObject({ pid: other?.process.pid, notes: [], ran: [] });
    expect(await board.dispatchCommand("run", { n: 2 })).toEqual({ n: 2, pid: other?.process.pid });
  });

  test("kill -9 of the other process: what was on its way there is lost, and the client goes on", async () => {
    const { socket } = open();
    const board = await mountBoard(socket, "a");
    const home = processOf(board.snapshot()?.pid);
    await board.dispatchCommand("run", { n: 1 });
    const other = nodes.find((each) => each !== home);
    // A poll is held there.
    await expect.poll(() => requests.at(-1)).toBe(`GET ${other?.port}`);
    ports = [home?.port ?? 0];
    await other?.process.end("SIGKILL");
    await expect
      .poll(() =>
        board.dispatchCommand("run", { n: 2 }).then(
          (reply) => reply,
          () => null,
        ),
      )
      .toEqual({ n: 2, pid: home?.process.pid });
    await expect.poll(() => board.snapshot()?.ran.at(-1)).toBe(2);
  });

  test("without its Valkey a session is held by the process that its client finds, and by one alone when it is back", async () => {
    const heard: unknown[] = [];
    const { socket, told } = open();
    const room = await enter(socket, heard);
    await redis.kill();
    // What lands at the other process gets no answer: a new session is opened there, and so on.
    await expect.poll(() => told.filter((each) => each === "open").length).toBeGreaterThan(1);
    await redis.start();
    await expect
      .poll(() => {
        room.push("all", { n: told.length });
        return heard.length;
      })
      .toBeGreaterThan(0);
    await expect
      .poll(async () => {
        const before = told.length;
        const answers = await Promise.all(
          Array.from({ length: 10 }, () => new Promise((done) => room.push("all", {}).receive("ok", done))),
        );
        return answers.length === 10 && told.length === before;
      })
      .toBe(true);
  });
});
