import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Envelope } from "@musubi/protocol";
import { type Channel, Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { channel, joined, ok } from "./channels/channel.js";
import { createMusubiServer, type MusubiServer } from "./create-server.js";
import { command } from "./stores/command.js";
import { defineStore } from "./stores/define-store.js";
import { child } from "./stores/placeholders.js";
import { type } from "./stores/schema.js";

const undos: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const undo of undos.splice(0).toReversed()) await undo();
});

async function listen(musubi: MusubiServer): Promise<string> {
  const http: Server = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  undos.push(async () => {
    await musubi.close();
    await new Promise((resolve) => http.close(resolve));
  });
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket`;
}

function connect(url: string, params: object = {}): Socket {
  const socket = new Socket(url, { transport: WebSocket, params });
  socket.connect();
  undos.push(() => new Promise<void>((resolve) => socket.disconnect(resolve)));
  return socket;
}

function join(socket: Socket, topic: string): Promise<{ channel: Channel; response: unknown }> {
  const joining = socket.channel(topic, {});
  return new Promise((resolve, reject) => {
    joining
      .join()
      .receive("ok", (response: unknown) => resolve({ channel: joining, response }))
      .receive("error", (response: unknown) => reject(new Error(JSON.stringify(response))));
  });
}

function push(to: Channel, event: string, payload: object): Promise<unknown> {
  return new Promise((resolve) => {
    to.push(event, payload).receive("ok", resolve).receive("error", resolve);
  });
}

/** Hands out what the channel is sent under an event, one by one, in order. */
function feed<T>(of: Channel, event: string): () => Promise<T> {
  const held: T[] = [];
  const asked: ((message: T) => void)[] = [];
  of.on(event, (message: T) => {
    const next = asked.shift();
    if (next === undefined) held.push(message);
    else next(message);
  });
  return () =>
    new Promise((resolve) => {
      const message = held.shift();
      if (message === undefined) asked.push(resolve);
      else resolve(message);
    });
}

const Row = defineStore("Live.Row", {
  params: type<{ text: string }>(),
  mount: () => ({ starred: false }),
  render: ({ starred }, { params }) => ({ text: params.text, starred }),
  commands: { star: command((ctx) => ctx.assign({ starred: true })) },
});

const Page = defineStore("Live.Page", {
  params: v.object({ title: v.string() }),
  mount: (ctx, { title }) => {
    ctx.subscribe("rows", "row");
    const user: unknown = ctx.user;
    return { title, by: typeof user === "string" ? user : "nobody", rows: ["one"] as readonly string[] };
  },
  render: ({ title, by, rows }) => ({ title, by, rows: rows.map((text) => child(Row, { id: text, text })) }),
  info: { row: (ctx, text: string) => ctx.assign({ rows: [...ctx.assigns.rows, text] }) },
  commands: {
    add: command(v.object({ text: v.string() }), (ctx, { text }) => {
      ctx.publish("rows", text);
      return { added: text };
    }),
  },
});

function serve(): MusubiServer {
  const lobby = channel("lobby", { join: () => joined(null), handlers: { echo: (_ctx, payload) => ok(payload) } });
  return createMusubiServer({
    stores: [Page],
    channels: [lobby],
    connect: ({ params }) => (params["name"] === undefined ? false : { user: params["name"], id: params["name"] }),
  });
}

test("phoenix.js mounts, sends commands to children and hears what other clients did", async () => {
  const musubi = serve();
  const url = await listen(musubi);
  const pages = await Promise.all(
    ["ada", "bob"].map(async (name) => {
      const { channel: connection, response } = await join(connect(url, { name }), "musubi:connection");
      expect(response).toEqual({ features: ["root_down", "events", "store_events"] });
      const next = feed<Envelope>(connection, "patch");
      const mounted = await push(connection, "mount", { module: "Live.Page", id: "p", params: { title: "T" } });
      expect(mounted).toEqual({ root_id: "Live.Page:p" });
      expect((await next()).ops).toMatchObject([{ op: "replace", path: "", value: { title: "T", by: name } }]);
      return { connection, next };
    }),
  );
  const [ada, bob] = pages as [(typeof pages)[0], (typeof pages)[0]];
  const root = { root_id: "Live.Page:p" };
  const added = await push(ada.connection, "command", { ...root, store_id: [], name: "add", payload: { text: "two" } });
  expect(added).toEqual({ added: "two" });
  const row = { __musubi_store_id__: ["two"], text: "two", starred: false };
  for (const { next } of [ada, bob]) {
    expect(await next()).toMatchObject({
      base_version: 1,
      version: 2,
      ops: [{ op: "add", path: "/rows/1", value: row }],
    });
  }
  await push(bob.connection, "command", { ...root, store_id: ["two"], name: "star", payload: {} });
  expect((await bob.next()).ops).toEqual([{ op: "replace", path: "/rows/1/starred", value: true }]);
  expect(musubi.inspect()).toMatchObject({
    sockets: 2,
    channels: 2,
    roots: [
      { module: "Live.Page", status: "live", stores: 3 },
      { module: "Live.Page", status: "live", stores: 3 },
    ],
  });
  expect(await push(ada.connection, "unmount", root)).toEqual({});
  expect(musubi.send({ module: "Live.Page", id: "p" }, "row", "three")).toBe(1);
  expect((await bob.next()).version).toBe(4);
});

test("plain channels live on the same socket, and refused clients get neither", async () => {
  const musubi = serve();
  const url = await listen(musubi);
  const socket = connect(url, { name: "ada" });
  const { channel: lobby } = await join(socket, "lobby");
  const hello = feed<unknown>(lobby, "hello");
  expect(await push(lobby, "echo", { a: 1 })).toEqual({ a: 1 });
  musubi.broadcast("lobby", "hello", { all: true });
  expect(await hello()).toEqual({ all: true });
  const refused = new WebSocket(`${url}/websocket?vsn=2.0.0`);
  const status = await new Promise<number | undefined>((resolve) => {
    refused.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    refused.on("error", () => {});
  });
  expect(status).toBe(403);
});

test("a dropped socket ends its roots; close ends all and leaves nothing", async () => {
  const musubi = serve();
  const url = await listen(musubi);
  const socket = connect(url, { name: "ada" });
  const { channel: connection } = await join(socket, "musubi:connection");
  await push(connection, "mount", { module: "Live.Page", id: "p", params: { title: "T" } });
  const second = await join(connect(url, { name: "bob" }), "musubi:connection");
  await push(second.channel, "mount", { module: "Live.Page", id: "p", params: { title: "T" } });
  expect(musubi.inspect().roots).toHaveLength(2);
  await new Promise<void>((resolve) => socket.disconnect(resolve));
  await expect.poll(() => musubi.inspect().roots.length).toBe(1);
  await musubi.close();
  expect(musubi.inspect()).toMatchObject({ sockets: 0, channels: 0, roots: [], isClosing: true });
});

test("two stores of one module are refused at once", () => {
  expect(() => createMusubiServer({ stores: [Page, Page] })).toThrow('two stores are called "Live.Page"');
  expect(() => defineStore("a:b", { mount: () => ({}), render: () => ({}) })).toThrow('without ":"');
});
