import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CacheStorage,
  connect,
  createStorageCachePersister,
  dehydrateStore,
  type MusubiConnection,
} from "@musubi/client";
import { createConnection, openConnectionState } from "@musubi/client/runtime";
import {
  channel,
  child,
  command,
  createEndpoint,
  createMusubiServer,
  defineStore,
  type InferStores,
  joined,
  stream,
} from "@musubi/server";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

/** The "database", and who may see it. */
let rows: { id: string; text: string }[];
let isOpen: boolean;

const Row = defineStore("Cached.Row", {
  params: v.object({ id: v.string(), text: v.string() }),
  mount: () => ({}),
  render: (_assigns, { params }) => ({ text: params.text }),
});

const List = defineStore("Cached.List", {
  params: v.object({}),
  streams: { log: { key: (line: { id: string }) => line.id } },
  mount: (ctx) => {
    if (!isOpen) ctx.refuse("forbidden");
    ctx.stream("log").insert({ id: "opened" });
    return { rows };
  },
  render: (assigns) => ({ rows: assigns.rows.map((row) => child(Row, row)), log: stream("log") }),
  commands: {
    add: command(v.object({ text: v.string() }), (ctx, { text }) => {
      rows = [...rows, { id: String(rows.length), text }];
      ctx.assign({ rows });
      ctx.stream("log").insert({ id: text });
      return { count: rows.length };
    }),
  },
});

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const makeServer = () => createMusubiServer({ stores: [List], logger: quiet });
type Stores = InferStores<ReturnType<typeof makeServer>>;

/** `localStorage`, as far as a page can tell. */
function pageStorage(): CacheStorage & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, text) => texts.set(key, text),
    removeItem: (key) => texts.delete(key),
    key: (index) => Array.from(texts.keys())[index] ?? null,
    get length() {
      return texts.size;
    },
  };
}

let http: Server;
let port = 0;
let closeServer: () => Promise<void>;
let sockets: Socket[];
let storage: ReturnType<typeof pageStorage>;

async function start(): Promise<void> {
  const musubi = makeServer();
  http = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
  closeServer = () => musubi.close();
}

async function stop(): Promise<void> {
  await closeServer();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

beforeEach(async () => {
  rows = [{ id: "0", text: "first" }];
  isOpen = true;
  sockets = [];
  storage = pageStorage();
  port = 0;
  await start();
});

afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  await stop();
});

function open(): Socket {
  const socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
    transport: WebSocket,
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  sockets.push(socket);
  return socket;
}

const logger = { warn() {}, error: console.error };
const page = (): Promise<MusubiConnection<Stores>> => connect<Stores>(open(), { logger });
const cached = () =>
  ({ module: "Cached.List", id: "1", cache: { persister: createStorageCachePersister({ storage }) } }) as const;
const textsOf = (store: { readonly rows: readonly { readonly text: string }[] }) => store.rows.map(({ text }) => text);

/** A page that showed the list, added a row, and was left. */
async function visit(): Promise<void> {
  const connection = await page();
  const { store } = await connection.mountStore(cached());
  await store.dispatchCommand("add", { text: "second" });
  await eventually(() => store.rows.length === 2 && store.log.length === 2);
  await connection.disconnect();
}

describe("client.md 17, our client and our server over a real socket", () => {
  test("a page shows what the one before had, at once, and then what is true now", async () => {
    await visit();
    rows = [...rows, { id: "2", text: "third" }];
    const connection = await page();
    const { store, state, revalidated } = await connection.mountStore(cached());
    expect(state.current).toEqual({ status: "stale", fromCache: true });
    expect(textsOf(store)).toEqual(["first", "second"]);
    expect(store.log).toEqual([{ id: "opened" }, { id: "second" }]);
    const kept = store.rows[0]?.snapshot();
    const queued = store.dispatchCommand("add", { text: "fourth" });
    await revalidated;
    expect(state.current).toEqual({ status: "live", fromCache: false });
    expect(store.rows[0]?.snapshot()).toBe(kept);
    await expect(queued).resolves.toEqual({ count: 4 });
    await eventually(() => store.rows.length === 4);
    await connection.clearStoreCache();
    expect(storage.texts.size).toBe(0);
  });

  test("a page that opens while the server is down shows what it has, and goes live with the server", async () => {
    await visit();
    await stop();
    const { connection: engine } = openConnectionState(open(), { logger });
    const opened = createConnection<Stores>(engine).openRoot(cached());
    expect(opened.state.current).toEqual({ status: "stale", fromCache: true });
    expect(textsOf(opened.store)).toEqual(["first", "second"]);
    rows = [{ id: "9", text: "new" }];
    await start();
    await opened.revalidated;
    expect(textsOf(opened.store)).toEqual(["new"]);
    opened.release();
    engine.release();
  });

  test("what the server refuses by now is shown as failed, and not kept", async () => {
    await visit();
    isOpen = false;
    const connection = await page();
    const { store, state, revalidated } = await connection.mountStore(cached());
    await expect(revalidated).rejects.toMatchObject({ name: "MusubiMountError", reason: "forbidden" });
    expect(state.current).toMatchObject({ status: "failed", fromCache: true });
    expect(textsOf(store)).toEqual(["first", "second"]);
    expect(storage.texts.size).toBe(0);
  });

  test("a page rendered on a server is readable before it is connected", async () => {
    const renderer = await page();
    const html = JSON.stringify(dehydrateStore((await renderer.mountStore({ module: "Cached.List", id: "1" })).store));
    await renderer.disconnect();
    const { connection: engine } = openConnectionState(open(), { logger });
    const initialData = JSON.parse(html) as NonNullable<ReturnType<typeof dehydrateStore>>;
    const opened = createConnection<Stores>(engine).openRoot({
      module: "Cached.List",
      id: "1",
      cache: { initialData },
    });
    expect(textsOf(opened.store)).toEqual(["first"]);
    expect(opened.store.log).toEqual([{ id: "opened" }]);
    await opened.revalidated;
    opened.release();
    engine.release();
  });
});

test("client.md 17 and protocol.md 8: with a channel for every root it is the same", async () => {
  let count = 1;
  const counter = channel<null>("roots:*", {
    join: (ctx) => {
      ctx.send("initial");
      return joined(null);
    },
    info: (ctx) => {
      const value = { __musubi_store_id__: [], count: count++ };
      const ops = [{ op: "replace", path: "", value }];
      ctx.push("patch", { type: "patch", root_id: "r", base_version: 0, version: 1, ops, stream_ops: [] });
    },
    handlers: {},
  });
  await stop();
  const endpoint = createEndpoint({ channels: [counter], logger: quiet });
  http = createServer();
  endpoint.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
  closeServer = () => endpoint.close();
  const options = { topology: "channel-per-root", topic: "roots", logger } as const;
  const root = { ...cached(), module: "Counter" } as const;
  const before = await connect<Record<"Counter", never>>(open(), options);
  await before.mountStore(root);
  await before.disconnect();
  const after = await connect<Record<"Counter", never>>(open(), options);
  const { store, state, revalidated } = await after.mountStore(root);
  expect(store.snapshot()).toMatchObject({ count: 1 });
  expect(state.current).toEqual({ status: "stale", fromCache: true });
  await revalidated;
  expect(store.snapshot()).toMatchObject({ count: 2 });
  await after.disconnect();
});
