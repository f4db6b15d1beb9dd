import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type MusubiConnection, MusubiCommandError } from "@musubi/client";
import type { FastifyInstance } from "fastify";
import { Socket } from "phoenix";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Person } from "../shared/person.js";
import { createApp } from "./app.js";
import type { DemoStores } from "./musubi.js";

const ana: Person = { id: "ana1", name: "Ana", hue: "moss" };
const bo: Person = { id: "bo1", name: "Bo", hue: "teal" };

let folder: string;
let app: FastifyInstance;
let port: number;
const sockets = new Set<Socket>();

async function start(): Promise<void> {
  app = await createApp({ dataFolder: join(folder, "data"), pageFolder: join(folder, "page") });
  await app.listen({ host: "127.0.0.1", port: 0 });
  ({ port } = app.server.address() as AddressInfo);
}

function createSocket(params: object): Socket {
  const transport = WebSocket as unknown as typeof globalThis.WebSocket;
  const socket = new Socket(`ws://127.0.0.1:${port}/socket`, { transport, params });
  sockets.add(socket);
  return socket;
}

const enter = (person: Person): Promise<MusubiConnection<DemoStores>> => connect<DemoStores>(createSocket(person));

async function mountAll(connection: MusubiConnection<DemoStores>) {
  const [board, activity, people] = await Promise.all([
    connection.mountStore({ module: "Demo.Board", id: "main" }),
    connection.mountStore({ module: "Demo.Activity", id: "main" }),
    connection.mountStore({ module: "Demo.People", id: "here" }),
  ]);
  return { board: board.store, activity: activity.store, people: people.store };
}

/** What a store gives once it gives something other than `undefined`. */
function when<T>(store: { subscribe(listener: () => void): () => void }, read: () => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    const check = (): void => {
      const value = read();
      if (value === undefined) return;
      leave();
      resolve(value);
    };
    const leave = store.subscribe(check);
    check();
  });
}

async function rejectionOf(promise: Promise<unknown>): Promise<MusubiCommandError> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!MusubiCommandError.is(error)) throw new Error("It was not rejected by the server.", { cause: error });
  return error;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "musubi-demo-"));
  mkdirSync(join(folder, "page"));
  writeFileSync(join(folder, "page/index.html"), "<title>The page</title>");
  await start();
});

afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  sockets.clear();
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the demo's server", () => {
  it("shares one board: what one person does, everybody sees, with a line in the feed", async () => {
    const [mine, theirs] = [await mountAll(await enter(ana)), await mountAll(await enter(bo))];
    const column = mine.board.columns[0];
    const { revision } = (await column?.dispatchCommand("addCard", { cardId: "new1", title: "  Paint  " })) ?? {};
    const added = await when(theirs.board, () => theirs.board.columns[0]?.cards.find((card) => card.id === "new1"));
    expect(added.title).toBe("Paint");
    expect(theirs.board.revision).toBe(revision);
    await added.dispatchCommand("setLabel", { label: "amber" });
    await theirs.board.dispatchCommand("moveCard", { cardId: "new1", columnId: "done", beforeId: "done1" });
    const moved = await when(mine.board, () => mine.board.columns[3]?.cards.find((card) => card.id === "new1"));
    expect(moved.snapshot()).toMatchObject({ title: "Paint", label: "amber" });
    expect(mine.board.columns[3]?.cards.map((card) => card.id)).toEqual(["new1", "done1", "done2"]);
    await when(mine.activity, () => (mine.activity.entries[0]?.kind === "moveCard" ? true : undefined));
    expect(mine.activity.entries.slice(0, 3).map(({ name, kind, subject }) => [name, kind, subject])).toEqual([
      ["Bo", "moveCard", "Paint"],
      ["Bo", "labelCard", "Paint"],
      ["Ana", "addCard", "Paint"],
    ]);
  });

  it("knows who is here: they come, change their names, edit cards, and go with their last page", async () => {
    const mine = await mountAll(await enter(ana));
    const names = (): string => mine.people.people.map(({ name }) => name).join();
    const theirs = await mountAll(await enter(bo));
    await when(mine.people, () => (names() === "Ana,Bo" ? true : undefined));
    await theirs.people.dispatchCommand("introduce", { name: "Boris", hue: "rose" });
    await theirs.people.dispatchCommand("focus", { cardId: "ideas1" });
    const guest = await when(mine.people, () => mine.people.people.find(({ editing }) => editing === "ideas1"));
    expect(guest).toMatchObject({ id: "bo1", name: "Boris", hue: "rose" });
    await theirs.board.columns[0]?.cards[0]?.dispatchCommand("edit", { title: "Boats", note: "" });
    await when(mine.activity, () => (mine.activity.entries[0]?.name === "Boris" ? true : undefined));
    for (const socket of [...sockets].slice(1)) socket.disconnect();
    await when(mine.people, () => (names() === "Ana" ? true : undefined));
  });

  it("keeps the board over a restart", async () => {
    const before = await mountAll(await enter(ana));
    await before.board.dispatchCommand("addColumn", { columnId: "later", title: "Later" });
    const snapshot = await when(before.board, () =>
      before.board.columns.length === 5 ? before.board.snapshot() : undefined,
    );
    for (const socket of sockets) socket.disconnect();
    await app.close();
    await start();
    const after = await mountAll(await enter(ana));
    expect(after.board.snapshot()).toEqual(snapshot);
    expect(after.activity.entries[0]).toMatchObject({ kind: "addColumn", subject: "Later", name: "Ana" });
  });

  it("answers what cannot be with a reason, and stays as it was", async () => {
    const { board, people } = await mountAll(await enter(ana));
    const snapshot = board.snapshot();
    const column = board.columns[0];
    expect(await rejectionOf(column?.dispatchCommand("remove") ?? Promise.resolve())).toMatchObject({
      fate: "rejected",
      reply: { reason: "column_not_empty" },
    });
    const gone = board.dispatchCommand("moveCard", { cardId: "ideas1", columnId: "gone", beforeId: null });
    expect((await rejectionOf(gone)).reply).toMatchObject({ reason: "column_gone" });
    const bad: Promise<unknown>[] = [
      board.dispatchCommand("addColumn", { columnId: "../x", title: "x" }),
      board.dispatchCommand("addColumn", { columnId: "ok", title: " " }),
      board.dispatchCommand("addColumn", { columnId: "ok", title: "x".repeat(161) }),
      people.dispatchCommand("introduce", { name: "", hue: "moss" }),
    ];
    for (const answer of bad) expect((await rejectionOf(answer)).code).toBe("invalid_payload");
    expect(board.snapshot()).toBe(snapshot);
  });

  it.each([[{}], [{ id: "x", name: "", hue: "moss" }], [{ id: "x", name: "Eve", hue: "invisible" }]])(
    "lets nobody in who does not say who they are: %j",
    async (params) => {
      const socket = new WebSocket(
        `ws://127.0.0.1:${port}/socket/websocket?${new URLSearchParams({ ...params, vsn: "2.0.0" })}`,
      );
      const status = await new Promise((resolve) => {
        socket.on("unexpected-response", (_, response) => resolve(response.statusCode));
        socket.on("error", () => {});
        socket.on("open", () => resolve("open"));
      });
      socket.terminate();
      expect(status).toBe(403);
    },
  );

  it("takes files for a card, ties them to it, and serves them so that nothing in them can run", async () => {
    const connection = await enter(ana);
    const { board } = await mountAll(connection);
    const { store } = await connection.mountStore({ module: "Demo.Attachments", id: "ideas1" });
    await store.files.select([
      new File(["<script>alert(1)</script>"], "ev\"il';\r\nx: y.html", { type: "text/html" }),
      new File(["a picture"], "Köder.png", { type: "image/png" }),
    ]);
    await when(store, () => (store.files.entries.every(({ status }) => status === "success") ? true : undefined));
    expect(await store.dispatchCommand("keep")).toEqual({ kept: 2 });
    const [page, picture] = await when(board, () => {
      const files = board.columns[0]?.cards[0]?.files;
      return files?.length === 2 ? files : undefined;
    });
    const served = await fetch(`http://127.0.0.1:${port}/files/${page?.id}`);
    expect(await served.text()).toBe("<script>alert(1)</script>");
    expect(Object.fromEntries(served.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename*=UTF-8''ev%22il%27%3B%0D%0Ax%3A%20y.html",
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
    });
    const shown = await fetch(`http://127.0.0.1:${port}/files/${picture?.id}`);
    expect(shown.headers.get("content-type")).toBe("image/png");
    expect(shown.headers.get("content-disposition")).toBe("inline; filename*=UTF-8''K%C3%B6der.png");
    await app.close();
    expect(readdirSync(join(folder, "data/files"))).toHaveLength(2);
    await start();
    expect((await fetch(`http://127.0.0.1:${port}/files/${page?.id}`)).status).toBe(200);
  });

  it.each(["../board.db", "..%2fboard.db", "%00", "f".repeat(32)])("serves nothing else: %s", async (id) => {
    expect((await fetch(`http://127.0.0.1:${port}/files/${id}`)).status).toBe(404);
  });

  it("takes no files for a card that is not there", async () => {
    const connection = await enter(ana);
    const mount = connection.mountStore({ module: "Demo.Attachments", id: "nothing" });
    await expect(mount).rejects.toMatchObject({ code: "mount_refused", reason: "card_gone" });
  });

  it("counts what the board has been up to, and again when it changed", async () => {
    const connection = await enter(ana);
    const { board } = await mountAll(connection);
    const { store } = await connection.mountStore({ module: "Demo.Insights", id: "main" });
    const report = await when(store, () => store.report.data ?? undefined);
    expect(report.columns.map(({ title, cards }) => [title, cards])).toEqual([
      ["Ideas", 4],
      ["Up next", 4],
      ["In the works", 3],
      ["Tied up", 2],
    ]);
    expect(report.people[0]).toEqual({ name: "Hana", hue: "wisteria", changes: 2 });
    expect(report.hours.reduce((sum, count) => sum + count, 0)).toBe(4);
    await board.columns[0]?.cards[0]?.dispatchCommand("remove");
    await when(store, () => (store.report.data?.columns[0]?.cards === 3 ? true : undefined));
    expect(store.report.data?.people).toContainEqual({ name: "Ana", hue: "moss", changes: 1 });
    await store.dispatchCommand("refresh");
    await when(store, () => (store.report.status === "ok" ? true : undefined));
  });

  it("hands a wave to the one it is for", async () => {
    const [mine, theirs] = [await mountAll(await enter(ana)), await mountAll(await enter(bo))];
    const waved = new Promise((resolve) => theirs.people.handleEvent("waved", resolve));
    mine.people.handleEvent("waved", () => expect.unreachable("It was for Bo."));
    await mine.people.dispatchCommand("wave", { to: "bo1" });
    expect(await waved).toEqual({ name: "Ana", hue: "moss" });
  });

  it("serves the page, which is asked for anew each time", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toContain("The page");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect((await fetch(`http://127.0.0.1:${port}/nothing`)).status).toBe(404);
  });
});
