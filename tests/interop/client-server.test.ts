import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, type MusubiConnection, type StoreProxy } from "@musubi/client";
import {
  child,
  command,
  createMusubiServer,
  defineStore,
  type InferStores,
  type MusubiServer,
  stream,
} from "@musubi/server";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

/** What all mounts of a list share: the "database". */
let table: { id: string; text: string; done: boolean }[];
let serial: number;

const Item = defineStore("Test.Item", {
  params: v.object({ id: v.string(), text: v.string(), done: v.boolean() }),
  mount: () => ({ opened: 0 }),
  render: (assigns, { params }) => ({ text: params.text, done: params.done, opened: assigns.opened }),
  commands: {
    open: command((ctx) => {
      ctx.assign({ opened: ctx.assigns.opened + 1 });
      return { opened: ctx.assigns.opened };
    }),
  },
});

const List = defineStore("Test.List", {
  params: v.object({ owner: v.optional(v.string(), "nobody") }),
  streams: { log: { key: (entry: { id: string; line: string }) => entry.id, limit: -5 } },
  events: { changed: v.object({ count: v.number() }) },
  mount: (ctx, params) => {
    if (params.owner === "intruder") ctx.refuse("forbidden", { advice: "ask the owner" });
    ctx.subscribe("table", "changed");
    return { owner: params.owner, items: table };
  },
  render: (assigns) => ({
    owner: assigns.owner,
    items: assigns.items.map((item) => child(Item, item)),
    log: stream("log"),
  }),
  commands: {
    edit: command(
      v.variant("kind", [
        v.object({ kind: v.literal("add"), at: v.number(), text: v.string() }),
        v.object({ kind: v.literal("remove"), at: v.number() }),
        v.object({ kind: v.literal("move"), from: v.number(), to: v.number() }),
        v.object({ kind: v.literal("toggle"), at: v.number() }),
      ]),
      (ctx, edit) => {
        const rows = table.slice();
        if (edit.kind === "add") rows.splice(edit.at, 0, { id: `i${serial++}`, text: edit.text, done: false });
        if (edit.kind === "remove") rows.splice(edit.at, 1);
        if (edit.kind === "move") rows.splice(edit.to, 0, ...rows.splice(edit.from, 1));
        if (edit.kind === "toggle")
          rows.splice(edit.at, 1, ...rows.slice(edit.at, edit.at + 1).map((row) => ({ ...row, done: !row.done })));
        table = rows;
        ctx.publish("table", { kind: edit.kind, line: `l${serial++}` });
        return { count: rows.length };
      },
    ),
    fail: command(() => {
      throw new Error("secret");
    }),
    reject: command((ctx) => ctx.reject("not_today", { until: "tomorrow" })),
  },
  info: {
    changed: (ctx, message) => {
      const { line } = message as { line: string };
      ctx.assign({ items: table });
      ctx.stream("log").insert({ id: line, line });
      ctx.pushEvent("changed", { count: table.length });
    },
  },
});

const makeServer = () =>
  createMusubiServer({ stores: [List], logger: { debug() {}, info() {}, warn() {}, error() {} } });
type Stores = InferStores<ReturnType<typeof makeServer>>;

interface Running {
  readonly musubi: MusubiServer;
  readonly http: Server;
  readonly port: number;
}

async function start(port = 0): Promise<Running> {
  const musubi = makeServer();
  const http = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
  return { musubi, http, port: (http.address() as AddressInfo).port };
}

async function stop({ musubi, http }: Running): Promise<void> {
  await musubi.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

let running: Running;
let sockets: Socket[];

beforeEach(async () => {
  table = [
    { id: "a", text: "first", done: false },
    { id: "b", text: "second", done: true },
  ];
  serial = 0;
  sockets = [];
  running = await start();
});

afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  await stop(running);
});

async function client(): Promise<MusubiConnection<Stores>> {
  const socket = new Socket(`ws://127.0.0.1:${running.port}/socket`, {
    transport: WebSocket,
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  sockets.push(socket);
  return connect<Stores>(socket, { logger: { warn() {}, error: console.error } });
}

const mountList = async (connection: MusubiConnection<Stores>, id = "main") =>
  connection.mountStore({ module: "Test.List", id, params: {} });
const texts = (list: StoreProxy<"Test.List", Stores>) => list.items.map((item) => item.text);

describe("our client, phoenix.js and our server over a real socket", () => {
  test("a root with children and a stream: mount, commands of root and child, two clients", async () => {
    const one = await mountList(await client());
    const two = await mountList(await client());
    expect(one.store.snapshot()).toMatchObject({
      owner: "nobody",
      items: [{ text: "first" }, { text: "second" }],
      log: [],
    });

    await expect(one.store.dispatchCommand("edit", { kind: "add", at: 1, text: "between" })).resolves.toEqual({
      count: 3,
    });
    await eventually(() => texts(two.store).length === 3);
    expect(texts(two.store)).toEqual(["first", "between", "second"]);
    await eventually(() => two.store.log.length === 1);

    const [, , second] = two.store.items;
    await expect(second?.dispatchCommand("open")).resolves.toEqual({ opened: 1 });
    await eventually(() => second?.opened === 1);
    expect(one.store.items[2]?.opened).toBe(0);
  });

  test("client.md 8: what an envelope does not touch is the identical object, across a real wire", async () => {
    const { store } = await mountList(await client());
    const before = store.snapshot();
    await store.dispatchCommand("edit", { kind: "toggle", at: 0 });
    await eventually(() => store.items[0]?.done ?? false);
    const after = store.snapshot();
    expect(after?.items[1]).toBe(before?.items[1]);
    expect(after?.items[0]).not.toBe(before?.items[0]);
  });

  test("protocol.md 7: events come with their envelope", async () => {
    const { store } = await mountList(await client());
    const seen: unknown[] = [];
    store.handleEvent("changed", (payload) => seen.push([payload, store.items.length]));
    await store.dispatchCommand("edit", { kind: "add", at: 0, text: "x" });
    await eventually(() => seen.length === 1);
    expect(seen).toEqual([[{ count: 3 }, 3]]);
  });

  test("bad commands have clear answers: unknown store and command, wrong payload, refusal, crash without internals", async () => {
    const connection = await client();
    const { store } = await mountList(connection);
    const untyped = store as unknown as { dispatchCommand(name: string, payload?: unknown): Promise<unknown> };
    const dispatch = (name: string, payload?: unknown) => untyped.dispatchCommand(name, payload);
    await expect(dispatch("nope")).rejects.toMatchObject({ code: "unknown_command", fate: "rejected" });
    await expect(dispatch("edit", { kind: "add" })).rejects.toMatchObject({ code: "invalid_payload" });
    await expect(dispatch("reject")).rejects.toMatchObject({ code: "not_today", reply: { until: "tomorrow" } });
    const crash: unknown = await dispatch("fail").catch((error: unknown) => error);
    expect(crash).toMatchObject({ code: "internal" });
    expect(JSON.stringify(crash)).not.toContain("secret");
    await expect(connection.mountStore({ module: "Test.Item" as never, id: "x" })).rejects.toMatchObject({
      code: "mount_refused",
      reason: "unknown_module",
    });
    await expect(
      connection.mountStore({ module: "Test.List", id: "x", params: { owner: "intruder" } }),
    ).rejects.toMatchObject({
      code: "mount_refused",
      reason: "forbidden",
      details: { advice: "ask the owner" },
    });
    await expect(dispatch("edit", { kind: "toggle", at: 0 })).resolves.toEqual({ count: 2 });
  });

  test("protocol.md 2: unmount ends the root on the server; disconnect leaves the channel", async () => {
    const connection = await client();
    const mounted = await mountList(connection);
    expect(running.musubi.inspect().roots).toHaveLength(1);
    await mounted.unmount();
    await eventually(() => running.musubi.inspect().roots.length === 0);
    await mountList(connection, "again");
    await connection.disconnect();
    await eventually(() => running.musubi.inspect().roots.length === 0);
    expect(running.musubi.inspect().channels).toBe(0);
  });

  test("a server that goes and comes back heals its clients, with the last tree readable and commands queued", async () => {
    const connection = await client();
    const { store, state } = await mountList(connection);
    const seen: (string | undefined)[] = [];
    store.subscribe(() => seen.push(store.items[0]?.text));
    const before = store.snapshot();
    await stop(running);
    await eventually(() => state.current.status === "stale");
    expect(store.snapshot()).toBe(before);
    const queued = store.dispatchCommand("edit", { kind: "add", at: 0, text: "while away" });
    running = await start(running.port);
    await expect(queued).resolves.toEqual({ count: 3 });
    await eventually(() => connection.status.current === "ready");
    await eventually(() => texts(store)[0] === "while away");
    expect(seen).not.toContain(undefined);
  });

  test("random edits from three clients, one of them cut now and then, converge to what a newcomer sees", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let state = seed;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    const clients = await Promise.all([client(), client(), client()]);
    const lists = await Promise.all(clients.map((connection) => mountList(connection)));
    for (let step = 0; step < 120; step++) {
      const list = (lists[random(3)] as (typeof lists)[number]).store;
      const at = random(table.length + 1);
      const kind = (["add", "remove", "move", "toggle"] as const)[random(4)];
      const edit =
        kind === "add"
          ? { kind, at, text: `t${step}` }
          : kind === "move"
            ? { kind, from: at, to: random(5) }
            : { kind, at };
      await list.dispatchCommand("edit", edit as { kind: "remove"; at: number }).catch((error: unknown) => {
        expect(error, `seed ${seed}`).toMatchObject({ kind: "interrupted" });
      });
      if (random(30) === 0) (sockets[0] as unknown as { conn: WebSocket }).conn.terminate();
    }
    const fresh = (await mountList(await client())).store;
    const strip = (list: StoreProxy<"Test.List", Stores>) => list.snapshot()?.items;
    for (const [index, { store }] of lists.entries()) {
      await eventually(
        () => JSON.stringify(strip(store)) === JSON.stringify(strip(fresh)),
        `client ${index} converges (seed ${seed})`,
      );
    }
  });
});
