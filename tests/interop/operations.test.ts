import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { child, command, createMusubiServer, defineStore, type MusubiServer, upload } from "@musubi/server";
import { type Operations, operationsHandler } from "@musubi/server/operations";
import { type Channel, Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "./support/echo-server.js";

/** What operators read over HTTP, while real phoenix.js clients are at work. */

const undos: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of undos.splice(0).toReversed()) await undo();
});

const held: (() => void)[] = [];

const Line = defineStore("Ops.Line", {
  mount: () => ({ n: 0 }),
  render: ({ n }) => ({ n }),
  commands: { bump: command((ctx) => ctx.assign({ n: ctx.assigns.n + 1 })) },
});

const Page = defineStore("Ops.Page", {
  params: v.object({ allowed: v.boolean() }),
  mount: (ctx, { allowed }) => (allowed ? { title: "" } : ctx.refuse("members_only")),
  render: ({ title }) => ({ title, line: child(Line, { id: "line" }), file: upload("file") }),
  uploads: { file: { maxFileSize: 1_000 } },
  commands: {
    rename: command(v.object({ title: v.string() }), (ctx, { title }) => ctx.assign({ title })),
    refuse: command((ctx) => ctx.reject("client 4711 may not", { code: "code-4711" })),
    fail: command(() => {
      throw new Error("secret");
    }),
    wait: command(
      () =>
        new Promise<void>((resolve) => {
          held.push(resolve);
        }),
    ),
  },
});

async function listen(http: Server): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  undos.push(() => new Promise((resolve) => http.close(resolve)));
  return (http.address() as AddressInfo).port;
}

async function start() {
  const musubi: MusubiServer = createMusubiServer({
    stores: [Page],
    logger: silentLogger,
    connect: ({ params }) => (params["token"] === "bad" ? false : {}),
  });
  // Clients reach one port, operators another.
  const sockets = createServer();
  musubi.attach(sockets, { path: "/socket" });
  const port = await listen(sockets);
  const operations: Operations = operationsHandler(musubi, { logger: silentLogger });
  const url = `http://127.0.0.1:${await listen(createServer(operations.handler))}`;
  undos.push(
    () => musubi.close(),
    () => operations.close(),
  );
  return { musubi, operations, url, socketUrl: `ws://127.0.0.1:${port}/socket` };
}

/** A phoenix.js client on the connection channel; `bytes` is all that has come over its WebSocket, framed. */
async function connect(url: string) {
  const traffic = { messages: 0, bytes: 0 };
  class Counting extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      this.on("message", (data: Buffer) => {
        traffic.messages += 1;
        traffic.bytes += data.length + (data.length < 126 ? 2 : data.length < 65_536 ? 4 : 10);
      });
    }
  }
  const socket = new Socket(url, { transport: Counting });
  socket.connect();
  undos.push(() => new Promise<void>((resolve) => socket.disconnect(resolve)));
  const channel: Channel = socket.channel("musubi:connection", {});
  const push = (event: string, payload: object): Promise<unknown> =>
    new Promise((resolve) => {
      channel.push(event, payload).receive("ok", resolve).receive("error", resolve);
    });
  await new Promise((resolve) => channel.join().receive("ok", resolve));
  const send = (root_id: string, name: string, payload: object = {}, store_id: string[] = []): Promise<unknown> =>
    push("command", { root_id, store_id, name, payload });
  const mount = (id: string, allowed = true): Promise<unknown> =>
    push("mount", { module: "Ops.Page", id, params: { allowed } });
  return { traffic, push, command: send, mount };
}

/** The samples of the metrics page, by name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(200);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

/** Those of one metric, without what it is called. */
function samples(all: Map<string, number>, name: string): Record<string, number> {
  const own = [...all].filter(([sample]) => sample === name || sample.startsWith(`${name}{`));
  return Object.fromEntries(own.map(([sample, value]) => [sample.slice(name.length), value]));
}

test("metrics count what clients do, by modules, commands and codes, and never by ids", async () => {
  const { url, socketUrl } = await start();
  const [ada, bob] = [await connect(socketUrl), await connect(socketUrl)];
  const secret = "id-4711";
  await ada.mount(secret);
  await bob.mount(secret);
  await bob.mount("other", false);
  const root = `Ops.Page:${secret}`;
  await ada.command(root, "rename", { title: "a" });
  await ada.command(root, "rename", { title: "b" });
  // Nothing changes, so nothing is sent.
  await ada.command(root, "rename", { title: "b" });
  await ada.command(root, "rename", { title: 1 });
  await ada.command(root, "refuse");
  await ada.command(root, "fail");
  await ada.command(root, "bump", {}, ["line"]);
  for (let n = 0; n < 50; n++) {
    await ada.command(root, `made-up-${n}`);
    await ada.command(root, "bump", {}, [`made-up-${n}`]);
    await ada.push(`made-up-${n}`, {});
  }
  const file = { client_ref: "f1", name: "a.txt", size: 10, type: "text/plain" };
  await bob.push("allow_upload", { root_id: root, store_id: [], name: "file", entries: [file] });
  const refused = new WebSocket(`${socketUrl}/websocket?vsn=2.0.0&token=bad`);
  await new Promise((resolve) => refused.on("error", resolve));

  const all = await scrape(url);
  const of = (name: string): Record<string, number> => samples(all, name);
  expect([of("musubi_sockets"), of("musubi_channels")]).toEqual([{ "": 2 }, { "": 2 }]);
  expect(of("musubi_roots")).toEqual({ '{module="Ops.Page"}': 2 });
  expect(of("musubi_stores")).toEqual({ '{module="Ops.Page"}': 4 });
  expect([of("musubi_upload_files"), of("musubi_upload_bytes")]).toEqual([{ "": 1 }, { "": 10 }]);
  expect(of("musubi_command_seconds_count")).toEqual({
    '{module="Ops.Page",name="rename",outcome="ok"}': 3,
    '{module="Ops.Page",name="rename",outcome="invalid_payload"}': 1,
    '{module="Ops.Page",name="refuse",outcome="rejected"}': 1,
    '{module="Ops.Page",name="fail",outcome="internal"}': 1,
    '{module="Ops.Page",name="bump",outcome="ok"}': 1,
    '{module="Ops.Page",name="unknown",outcome="unknown_command"}': 50,
    '{module="Ops.Page",name="unknown",outcome="unknown_store"}': 50,
  });
  expect(of("musubi_message_seconds_count")).toMatchObject({
    '{kind="mount",module="Ops.Page",outcome="ok"}': 2,
    '{kind="mount",module="Ops.Page",outcome="rejected"}': 1,
    '{kind="upload",module="Ops.Page",outcome="ok"}': 1,
  });
  // Two mounts, two renames that changed something, one bump, one file.
  expect(of("musubi_envelopes_total")).toEqual({ '{module="Ops.Page"}': 6 });
  // A message renders once per store or more: both mounts, two renames, one bump.
  expect(of("musubi_render_seconds_count")).toEqual({ '{module="Ops.Page"}': 5 });
  expect(of("musubi_refusals_total")).toEqual({
    '{code="app"}': 2,
    '{code="http_403"}': 1,
    '{code="internal"}': 1,
    '{code="invalid_payload"}': 1,
    '{code="unknown_command"}': 50,
    '{code="unknown_store"}': 50,
    '{code="unknown_event"}': 50,
  });
  // Every byte that came, and no other.
  const [messages, bytes] = [of("musubi_sent_messages_total"), of("musubi_sent_bytes_total")];
  await expect.poll(() => ({ "": ada.traffic.messages + bob.traffic.messages })).toEqual(messages);
  expect({ "": ada.traffic.bytes + bob.traffic.bytes }).toEqual(bytes);
  expect([...all.keys()].filter((sample) => /4711|made-up|members_only/.test(sample))).toEqual([]);
});

test("the mailbox that is fullest shows, and what has gone shows no more", async () => {
  const { url, socketUrl, operations } = await start();
  const ada = await connect(socketUrl);
  await ada.mount("1");
  await ada.mount("2");
  const waiting = [
    ada.command("Ops.Page:1", "wait"),
    ...[1, 2, 3].map((n) => ada.command("Ops.Page:1", "rename", { title: `${n}` })),
  ];
  waiting.push(ada.command("Ops.Page:2", "wait"), ada.command("Ops.Page:2", "rename", { title: "x" }));
  // Answered after those have been put into their mailboxes.
  await ada.push("unmount", { root_id: "Ops.Page:none" });
  const busy = await scrape(url);
  expect(samples(busy, "musubi_mailbox_depth")).toEqual({ '{module="Ops.Page"}': 3 });
  expect(samples(busy, "musubi_mailbox_messages")).toEqual({ '{module="Ops.Page"}': 4 });
  for (const release of held.splice(0)) release();
  await Promise.all(waiting);
  expect(samples(await scrape(url), "musubi_mailbox_depth")).toEqual({ '{module="Ops.Page"}': 0 });
  await ada.push("unmount", { root_id: "Ops.Page:1" });
  await ada.push("unmount", { root_id: "Ops.Page:2" });
  expect(samples(await scrape(url), "musubi_roots")).toEqual({});
  operations.close();
  await ada.mount("3");
  const closed = await scrape(url);
  expect(samples(closed, "musubi_message_seconds_count")).toEqual({
    '{kind="mount",module="Ops.Page",outcome="ok"}': 2,
  });
  expect(samples(closed, "musubi_roots")).toEqual({ '{module="Ops.Page"}': 1 });
});

test("a server that closes is alive but not ready", async () => {
  const { url, socketUrl, musubi } = await start();
  await connect(socketUrl);
  const status = async (path: string): Promise<number> => (await fetch(url + path)).status;
  expect([await status("/healthz"), await status("/readyz")]).toEqual([200, 200]);
  await musubi.close();
  expect([await status("/healthz"), await status("/readyz")]).toEqual([200, 503]);
});
