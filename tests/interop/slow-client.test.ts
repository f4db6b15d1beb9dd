import { createServer, type Server } from "node:http";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { connect, type MusubiConnection } from "@musubi/client";
import {
  type ConnectedSocket,
  channel,
  child,
  command,
  createMusubiServer,
  defineStore,
  type InferStores,
  joined,
  type MusubiServerOptions,
  stream,
} from "@musubi/server";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

/** What stands in for the database: rows that every mount reads. */
let rows: { id: string; text: string }[] = [];

const Cell = defineStore("Slow.Cell", {
  params: v.object({ id: v.string(), text: v.string() }),
  streams: { notes: { key: (note: { id: string }) => note.id } },
  mount: (ctx, { text }) => {
    ctx.stream("notes").insert({ id: `born with ${text}` });
    return { opened: 0 };
  },
  render: ({ opened }, { params }) => ({ text: params.text, opened, notes: stream("notes") }),
  info: {
    open: (ctx) => ctx.assign({ opened: ctx.assigns.opened + 1 }),
    note: (ctx, note) => ctx.stream("notes").insert(note as { id: string }),
    forget: (ctx) => ctx.stream("notes").reset(),
  },
});

const Board = defineStore("Slow.Board", {
  streams: { log: { key: (row: { id: string }) => row.id, limit: -50 } },
  events: { ticked: v.object({ at: v.number() }) },
  mount: (ctx) => {
    ctx.stream("log").reset(rows.slice(-50));
    return { count: 0, filler: "", cells: [{ id: "c0", text: "0" }] };
  },
  render: ({ count, filler, cells }) => ({
    count,
    filler,
    cells: cells.map((cell) => child(Cell, cell)),
    log: stream("log"),
  }),
  commands: { hello: command((ctx) => ({ count: ctx.assigns.count })) },
  info: {
    // A long text each time: what is queued rather than conflated soon weighs a lot.
    fill: (ctx, size) => ctx.assign({ filler: String(ctx.assigns.count).padEnd(size as number, "x") }),
    tick: (ctx) => {
      const count = ctx.assigns.count + 1;
      const id = `c${count % 7}`;
      const others = ctx.assigns.cells.filter((cell) => cell.id !== id);
      ctx.assign({ count, cells: count % 3 === 0 ? others : [{ id, text: String(count) }, ...others] });
    },
    row: (ctx, row) => ctx.stream("log").insert(row as { id: string }),
    toast: (ctx, at) => ctx.pushEvent("ticked", { at: at as number }),
  },
});

/** Shows how much waits on the socket of each client that joins it. */
const lines: ConnectedSocket[] = [];
const Probe = channel("probe", {
  join: ({ socket }) => {
    lines.push(socket);
    return joined(null);
  },
});

type Options = Partial<MusubiServerOptions<readonly [typeof Board]>>;
const makeServer = (options: Options = {}) =>
  createMusubiServer({
    stores: [Board],
    channels: [Probe],
    logger: { debug() {}, info() {}, warn() {}, error: console.error },
    conflateAboveBytes: 64 * 1024,
    // Nobody waits for the goodbye of one that does not read.
    drainTimeoutMs: 100,
    ...options,
  });
type Stores = InferStores<ReturnType<typeof makeServer>>;

let musubi: ReturnType<typeof makeServer>;
let http: Server;
let sockets: Socket[] = [];

async function start(options: Options = {}): Promise<void> {
  rows = [];
  lines.length = 0;
  musubi = makeServer(options);
  http = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
}

afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  sockets = [];
  await musubi.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

interface Client {
  readonly connection: MusubiConnection<Stores>;
  /** What waits on the server's side. */
  readonly line: ConnectedSocket;
  readonly patches: () => number;
  readonly pause: () => void;
  readonly resume: () => void;
}

async function client(): Promise<Client> {
  const socket = new Socket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket`, {
    transport: WebSocket,
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  sockets.push(socket);
  let patches = 0;
  socket.onMessage((message) => {
    if ((message as { readonly event?: unknown }).event === "patch") patches += 1;
  });
  const connection = await connect<Stores>(socket, { logger: { warn() {}, error: console.error } });
  await new Promise((resolve) => socket.channel("probe").join().receive("ok", resolve));
  const { conn } = socket as unknown as { readonly conn: WebSocket };
  return {
    connection,
    line: lines.at(-1) as ConnectedSocket,
    patches: () => patches,
    pause: () => conn.pause(),
    resume: () => conn.resume(),
  };
}

const mount = (connection: MusubiConnection<Stores>, id: string) =>
  connection.mountStore({ module: "Slow.Board", id, params: {} });
const say = (id: string, name: string, message?: unknown): number =>
  musubi.send({ module: "Slow.Board", id }, name, message);
const rootOf = (id: string) => musubi.inspect().roots.find((root) => root.id === id);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Changes a root until its client's socket is behind: what the operating systems buffer comes first. */
async function untilHolding(id: string): Promise<void> {
  for (let step = 0; rootOf(id)?.isHolding !== true; step++) {
    expect(step).toBeLessThan(1_000);
    say(id, "tick");
    say(id, "fill", 500_000);
    await turn();
  }
}

describe("a client that stops reading", () => {
  test("rule 2: a client that stops reading misses nothing: few envelopes bring it thousands of changes", async () => {
    await start();
    const { connection, line, pause, resume, patches } = await client();
    const { store, state } = await mount(connection, "1");
    const events: number[] = [];
    store.handleEvent("ticked", ({ at }) => events.push(at));
    const seen: unknown[] = [];
    store.subscribe(() => seen.push(store.snapshot()?.count));
    pause();
    await untilHolding("1");
    const commands = Array.from({ length: 20 }, () => store.dispatchCommand("hello"));
    const unsentBefore = line.unsentBytes();
    for (let at = 0; at < 5_000; at++) {
      say("1", "tick");
      if (at % 100 === 0) say("1", "fill", 100_000);
      if (at % 50 === 0) say("1", "row", { id: `r${at}` });
      if (at % 50 === 0) say("1", "toast", at);
      if (at % 20 === 0) await turn();
    }
    await eventually(() => rootOf("1")?.waiting === 0);
    expect(rootOf("1")).toMatchObject({ isHolding: true, status: "live" });
    // Of each cell that is there, no more than it was born with.
    expect(rootOf("1")?.held).toBeGreaterThanOrEqual(200);
    expect(rootOf("1")?.held).toBeLessThanOrEqual(200 + 7 * 2);
    // Nothing but replies was added to what waits.
    expect(line.unsentBytes() - unsentBefore).toBeLessThan(20_000);
    const sentBefore = musubi.inspect().traffic.messages;
    const version = rootOf("1")?.version ?? 0;
    const gotBefore = patches();
    resume();
    const replies = await Promise.all(commands);
    expect(replies).toHaveLength(20);
    await eventually(() => rootOf("1")?.isHolding === false && store.snapshot()?.log.length === 50);
    // What had been sent before, and one envelope with all the rest.
    expect(musubi.inspect().traffic.messages - sentBefore).toBeLessThanOrEqual(5);
    expect((rootOf("1")?.version ?? 0) - version).toBe(1);
    expect(patches() - gotBefore).toBeLessThan(100);
    expect(musubi.inspect().slowClients).toEqual({ holding: 0, conflated: 1, remounted: 0 });
    expect(store.snapshot()?.log.at(-1)).toEqual({ id: "r4950" });
    expect(events).toEqual(Array.from({ length: 100 }, (_, at) => at * 50));
    const last = await store.dispatchCommand("hello");
    expect(store.snapshot()?.count).toBe(last.count);
    expect(store.cells.map((cell) => cell.text)).toEqual(cellsAfter(store.snapshot()?.count ?? 0));
    expect(seen).not.toContain(undefined);
    expect(state.current.status).toBe("live");
  });

  test("rule 2: over long-poll, one that stops polling gets what it missed with its next polls", async () => {
    await start();
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/socket/longpoll?vsn=2.0.0`;
    const ask = async (query: string, init: RequestInit = {}) => {
      const response = await fetch(url + query, init);
      return (await response.json()) as { readonly token: string; readonly messages: readonly string[] };
    };
    const { token } = await ask("");
    const frames = [
      ["1", "1", "musubi:connection", "phx_join", {}],
      ["1", "2", "musubi:connection", "mount", { module: "Slow.Board", id: "1", params: {} }],
    ];
    const body = frames.map((frame) => JSON.stringify(frame)).join("\n");
    const headers = { "content-type": "application/x-ndjson" };
    await ask(`&token=${token}`, { method: "POST", headers, body });
    await eventually(() => rootOf("1")?.status === "live");
    await untilHolding("1");
    for (let at = 0; at < 1_000; at++) {
      say("1", "tick");
      if (at % 100 === 0) await turn();
    }
    await eventually(() => rootOf("1")?.waiting === 0);
    const versions: number[] = [];
    let last: { readonly version: number; readonly ops: readonly unknown[] } | undefined;
    while (last === undefined || rootOf("1")?.isHolding === true || last.version < (rootOf("1")?.version ?? 0)) {
      for (const message of (await ask(`&token=${token}`)).messages) {
        const [, , , event, payload] = JSON.parse(message) as [null, null, null, string, NonNullable<typeof last>];
        if (event !== "patch") continue;
        versions.push(payload.version);
        last = payload;
      }
    }
    expect(versions).toEqual(Array.from(versions, (_, at) => at + 1));
    expect(versions.length).toBeLessThan(100);
    expect(last.ops).toContainEqual(expect.objectContaining({ path: "/count" }));
    expect(musubi.inspect().slowClients.conflated).toBe(1);
  });

  test("rule 4: random changes: whenever it has caught up, it has what one has that was never behind", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let state = seed;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    await start();
    const [slow, fast] = [await client(), await client()];
    const boards = [await mount(slow.connection, "1"), await mount(fast.connection, "1")] as const;
    const events: number[][] = [[], []];
    for (const [at, { store }] of boards.entries()) store.handleEvent("ticked", ({ at: n }) => events[at]?.push(n));
    const seen = (at: 0 | 1): unknown => [boards[at].store.snapshot(), events[at]];
    const isHolding = (): boolean => musubi.inspect().roots.some((root) => root.isHolding);
    let [conflated, noted] = [0, 0];
    for (let round = 0; round < 12; round++) {
      slow.pause();
      for (let step = 0; !isHolding(); step++) {
        expect(step, `seed ${seed}`).toBeLessThan(1_000);
        say("1", "tick");
        say("1", "fill", 500_000);
        await turn();
        // The other one is never behind.
        await eventually(() => fast.line.unsentBytes() === 0);
      }
      for (let left = 20 + random(100), at = 0; left > 0; left--, at++) {
        const cell = { module: "Slow.Board", id: "1", storeId: [`c${random(7)}`] } as const;
        const kind = random(6);
        if (kind < 2) say("1", "tick");
        else if (kind === 2) musubi.send(cell, "open");
        else if (kind === 3) musubi.send(cell, "note", { id: `${round}.${at}` });
        else if (kind === 4) say("1", "toast", at);
        else if (random(3) === 0) musubi.send(cell, "forget");
        if (random(10) === 0) await turn();
      }
      await eventually(() => musubi.inspect().roots.every((root) => root.waiting === 0));
      slow.resume();
      await eventually(() => !isHolding());
      const done = `is there (seed ${seed})`;
      await eventually(() => JSON.stringify(seen(0)) === JSON.stringify(seen(1)), done);
      expect(musubi.inspect().slowClients.conflated).toBeGreaterThan(conflated);
      conflated = musubi.inspect().slowClients.conflated;
      noted += boards[0].store.cells.flatMap(({ notes }) => notes).length;
    }
    expect(noted, `seed ${seed}`).toBeGreaterThan(0);
    expect(musubi.inspect().slowClients.remounted).toBe(0);
  });

  test("rule 8: one that misses more than may be held mounts again by itself, and its screen never blanks", async () => {
    await start({ maxHeldOps: 100 });
    const { connection, pause, resume } = await client();
    const { store, state } = await mount(connection, "1");
    const seen: unknown[] = [];
    const look = (): void => void seen.push(store.snapshot()?.cells);
    store.subscribe(look);
    pause();
    await untilHolding("1");
    for (let at = 0; at < 500; at++) {
      rows.push({ id: `r${at}` } as (typeof rows)[number]);
      say("1", "row", { id: `r${at}` });
      if (at % 50 === 0) await turn();
    }
    await eventually(() => rootOf("1")?.waiting === 0);
    expect(rootOf("1")).toMatchObject({ held: 0, isHolding: true });
    const commands = Array.from({ length: 5 }, () => store.dispatchCommand("hello"));
    await eventually(() => musubi.inspect().roots.length === 1);
    resume();
    await Promise.allSettled(commands);
    await eventually(() => musubi.inspect().slowClients.remounted === 1);
    await eventually(() => state.current.status === "live" && store.snapshot()?.log.length === 50, "live again");
    look();
    expect(store.snapshot()?.log.at(-1)).toEqual({ id: "r499" });
    expect(store.snapshot()).toMatchObject({ count: 0 });
    expect(seen).not.toContain(undefined);
    await expect(store.dispatchCommand("hello")).resolves.toEqual({ count: 0 });
    expect(musubi.inspect()).toMatchObject({ slowClients: { holding: 0, remounted: 1 }, traffic: { cuts: 0 } });
  });

  test.each([
    [{ maxHeldBytes: 1_000_000 }, 4],
    [{ maxHeldBytes: 1e9, maxUnsentBytes: 3_000_000 }, 9],
  ])("rule 8: the bounds are those of the server: %j", async (options, sent) => {
    await start(options);
    const { connection, pause } = await client();
    await mount(connection, "1");
    pause();
    await untilHolding("1");
    let rowsSent = 0;
    do {
      expect(rowsSent).toBeLessThan(20);
      say("1", "row", { id: `r${rowsSent}`, text: "x".repeat(400_000) });
      rowsSent += 1;
      await turn();
    } while (rootOf("1")?.held !== 0);
    expect(rowsSent).toBe(sent);
  });

  test("rule 12: one that does not read holds up no other", async () => {
    await start();
    const [slow, fast] = [await client(), await client()];
    await mount(slow.connection, "1");
    const { store } = await mount(fast.connection, "1");
    slow.pause();
    const holding = (): number => musubi.inspect().roots.filter((root) => root.isHolding).length;
    for (let step = 0; holding() === 0; step++) {
      expect(step).toBeLessThan(1_000);
      say("1", "tick");
      say("1", "fill", 500_000);
      const before = store.snapshot()?.filler;
      await eventually(() => store.snapshot()?.filler !== before);
    }
    for (let at = 0; at < 100; at++) {
      const before = store.snapshot()?.count ?? 0;
      say("1", "tick");
      await eventually(() => store.snapshot()?.count === before + 1);
    }
    expect(holding()).toBe(1);
    expect(musubi.inspect().slowClients).toEqual({ holding: 1, conflated: 0, remounted: 0 });
  });

  test("rule 12: one that never reads is cut at the hard bound, and its roots end", async () => {
    await start({ maxUnsentBytes: 1_000_000 });
    const port = (http.address() as AddressInfo).port;
    const tcp = connectTcp(port, "127.0.0.1");
    tcp.on("error", () => {});
    tcp.write(
      "GET /socket/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await eventually(() => musubi.inspect().sockets === 1);
    tcp.pause();
    const push = (...message: readonly unknown[]): void => {
      const text = Buffer.from(JSON.stringify(message));
      // A masked text frame (RFC 6455 section 5.2) with a mask of zeros.
      tcp.write(Buffer.concat([Buffer.of(0x81, 0x80 | 126, text.length >> 8, text.length & 0xff, 0, 0, 0, 0), text]));
    };
    push("1", "1", "musubi:connection", "phx_join", {});
    push("1", "2", "musubi:connection", "mount", { module: "Slow.Board", id: "1", params: {} });
    await eventually(() => rootOf("1")?.status === "live");
    await untilHolding("1");
    // Its roots hold, so what is left are the answers to what it asks, unread.
    const name = "x".repeat(1_000);
    for (let sent = 0; musubi.inspect().sockets === 1; sent++) {
      expect(sent).toBeLessThan(100_000);
      push("1", String(sent), `nobody joined ${name}`, "ask", {});
      if (sent % 20 === 0) await turn();
    }
    expect(musubi.inspect().traffic.cuts).toBe(1);
    await eventually(() => musubi.inspect().roots.length === 0);
    tcp.destroy();
  });
});

/** The texts of the cells after so many ticks. */
function cellsAfter(ticks: number): string[] {
  let cells = [{ id: "c0", text: "0" }];
  for (let count = 1; count <= ticks; count++) {
    const id = `c${count % 7}`;
    const others = cells.filter((cell) => cell.id !== id);
    cells = count % 3 === 0 ? others : [{ id, text: String(count) }, ...others];
  }
  return cells.map(({ text }) => text);
}
