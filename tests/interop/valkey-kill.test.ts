import { MusubiCommandError } from "@musubi/client";
import { createSocket } from "@musubi/client/socket";
import { eventually } from "@musubi/testing";
import { Presence, Socket } from "phoenix";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { RedisServer } from "./support/redis-server.js";
import { buildServer } from "./support/server-process.js";
import { TcpBalancer } from "./support/tcp-balancer.js";
import { type Board, mountBoard, startNode, type ValkeyNode as Node } from "./support/valkey-node.js";

// What clients see when one of two processes that share a Valkey is killed, with nothing but real parts.

/** Within this clients have fresh state: a limit for a test that hangs, far above what it takes. */
const FRESH_MS = 15_000;

let redis: RedisServer;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  buildServer();
  redis = await RedisServer.start();
}, 120_000);
afterAll(() => redis?.stop());
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const start = (env: Record<string, string> = {}): Promise<Node> =>
  startNode(redis, (process) => closers.push(() => process.end("SIGKILL")), env);

/** How a command ended: by which process it was run, or what its client knows of it. */
type End = { readonly n: number; readonly by: number | "unknown" | "not_sent" };

/** One client, with every state that it has shown. */
class Client {
  readonly board: Board;
  readonly ends: End[] = [];
  readonly hung: unknown[] = [];
  sent = 0;
  blanks = 0;
  /** The processes whose state it has shown, in order. */
  readonly shown: number[] = [];

  private constructor(board: Board) {
    this.board = board;
    const look = (): void => {
      const pid = board.snapshot()?.pid;
      if (pid === undefined) this.blanks += 1;
      else if (this.shown.at(-1) !== pid) this.shown.push(pid);
    };
    closers.push(board.subscribe(look));
    look();
  }

  /** Every other one is a socket as phoenix.js makes it, with its own times to come back. */
  static async open(port: number, at: number): Promise<Client> {
    const url = `ws://127.0.0.1:${port}/socket`;
    const options = { transport: WebSocket };
    const socket = at % 2 === 0 ? new Socket(url, options) : createSocket(Socket, url, options);
    closers.push(() => socket.disconnect());
    return new Client(await mountBoard(socket, `client ${at}`));
  }

  /** Sends a command unless many are on their way: behind one that hangs there is room for so many. */
  run(): void {
    if (this.sent - this.ends.length >= 200) return;
    const n = this.sent++;
    this.board.dispatchCommand("run", { n }).then(
      ({ pid }) => this.ends.push({ n, by: pid }),
      (error: unknown) => {
        if (!MusubiCommandError.is(error) || error.fate === "rejected") throw error;
        this.ends.push({ n, by: error.fate });
      },
    );
  }

  hang(): void {
    this.board.dispatchCommand("hang").then(
      (reply) => this.hung.push(reply),
      (error: unknown) => this.hung.push(error),
    );
  }
}

test("kill -9 of one of two processes: each of 40 clients has a fresh initial envelope, and every command has settled", async () => {
  const nodes = [await start(), await start()] as const;
  const [dying, living] = nodes;
  const balancer = new TcpBalancer(nodes.map(({ port }) => port));
  closers.push(() => balancer.close());
  const port = await balancer.listen();
  const clients: Client[] = [];
  // One after the other, so that each process has half of them.
  for (let at = 0; at < 40; at++) clients.push(await Client.open(port, at));
  const on = (node: Node) => clients.filter(({ shown }) => shown[0] === node.process.pid);
  const [lost, spared] = [on(dying), on(living)];
  expect([lost.length, spared.length]).toEqual([20, 20]);

  for (const client of lost) client.hang();
  const hanging = (): number => dying.process.lines.filter((line) => line === "hanging").length;
  await eventually(() => hanging() === lost.length, "a command of each is running");
  // More of them wait behind it, and more come all the time: before, while it dies, and after.
  const over = new AbortController();
  const looping = (async () => {
    for (; !over.signal.aborted; await new Promise((done) => setTimeout(done, 5))) {
      for (const client of clients) client.run();
    }
  })();
  await eventually(() => clients.every(({ sent }) => sent > 10), "commands are on their way");
  await dying.process.end("SIGKILL");

  await eventually(
    () => lost.every(({ board }) => board.snapshot()?.pid === living.process.pid),
    "each has an envelope of the living one",
    FRESH_MS,
  );
  const ranThere = ({ ends }: Client): End[] => ends.filter(({ by }) => by === living.process.pid);
  await eventually(() => lost.every((client) => ranThere(client).length > 5), "their commands run there", FRESH_MS);
  over.abort();
  await looping;
  await eventually(
    () => clients.every(({ ends, sent }) => ends.length === sent),
    "every command has settled",
    FRESH_MS,
  );

  for (const { ends, hung, shown, blanks, board, sent } of lost) {
    expect(ends.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, n) => n));
    // Nothing ran on the dead one behind what hung there, and its clients say so: the fate is not known.
    expect(ends.some(({ by }) => by === "unknown")).toBe(true);
    expect(hung).toMatchObject([{ kind: "interrupted", fate: "unknown" }]);
    // A fresh state: what the living one has run, and nothing that was sent to the dead.
    const ran = ends.filter(({ by }) => typeof by === "number").map(({ n }) => n);
    await expect.poll(() => board.snapshot()).toMatchObject({ pid: living.process.pid, notes: [], ran });
    expect([shown, blanks]).toEqual([[dying.process.pid, living.process.pid], 0]);
  }
  // The others have noticed nothing.
  for (const { ends, shown, blanks, sent } of spared) {
    expect(ends).toEqual(Array.from({ length: sent }, (_, n) => ({ n, by: living.process.pid })));
    expect([shown, blanks]).toEqual([[living.process.pid], 0]);
  }
  // All of them are live.
  await lost[0]?.board.dispatchCommand("note", { all: "well" });
  for (const { board } of clients) await expect.poll(() => board.snapshot()?.notes).toEqual([{ all: "well" }]);
});

test("kill -9: whoever was present there leaves, in the eyes of phoenix.js's Presence elsewhere", async () => {
  // A second for what takes 25 by default: five signs of life.
  const env = { HEARTBEAT_MS: "200" };
  const nodes = [await start(env), await start(env)] as const;
  const [dying, living] = nodes;
  const enter = (name: string, { port }: Node): { readonly presence: Presence; readonly told: string[] } => {
    const socket = new Socket(`ws://127.0.0.1:${port}/socket`, { transport: WebSocket });
    closers.push(() => socket.disconnect());
    socket.connect();
    const channel = socket.channel("hall:a", { name });
    const [presence, told] = [new Presence(channel), [] as string[]];
    presence.onJoin((key) => void told.push(`+${key}`));
    presence.onLeave((key, _current, { metas }: { metas: { pid: number }[] }) => {
      told.push(`-${key} of ${metas.map(({ pid }) => pid).join()}`);
    });
    channel.join();
    return { presence, told };
  };
  const here = ({ presence }: { presence: Presence }): string[] =>
    presence.list((key, { metas }: { metas: unknown[] }) => `${key} ${metas.length}`).sort();
  const [ada, bob] = [enter("ada", living), enter("bob", living)];
  const gone = [enter("cy", dying), enter("dora", dying), enter("bob", dying)];
  // One name may be here on both: it stays, with a device less.
  for (const each of [ada, bob, ...gone]) {
    await expect.poll(() => here(each)).toEqual(["ada 1", "bob 2", "cy 1", "dora 1"]);
  }
  for (const each of [ada, bob]) each.told.length = 0;
  await dying.process.end("SIGKILL");
  for (const each of [ada, bob]) {
    await expect.poll(() => here(each), { timeout: 30_000 }).toEqual(["ada 1", "bob 1"]);
    const { pid } = dying.process;
    expect(each.told.sort()).toEqual([`-bob of ${pid}`, `-cy of ${pid}`, `-dora of ${pid}`]);
  }
  // Its successor is another node, and is heard at once.
  enter("eve", await start(env));
  for (const each of [ada, bob]) await expect.poll(() => here(each)).toEqual(["ada 1", "bob 1", "eve 1"]);
});
