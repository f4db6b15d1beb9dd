import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type AsyncResult, connect, type MusubiConnection, type StoreProxy } from "@musubi/client";
import {
  AsyncValue,
  type AsyncReason,
  command,
  createMusubiServer,
  defineStore,
  type InferStores,
  type MusubiServer,
  Rejection,
} from "@musubi/server";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { Component, createElement, type ReactNode, Suspense } from "react";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { installDom } from "./support/dom.js";

interface Profile {
  readonly name: string;
  readonly since: Date;
}
interface Line {
  readonly id: string;
  readonly text: string;
}

/** A load of the "database" below that somebody waits for. */
interface Load {
  readonly what: string;
  readonly signal: AbortSignal;
  succeed(value: unknown): void;
  fail(cause: Error): void;
}

let loads: Load[];
const database = <T>(what: string, signal: AbortSignal): Promise<T> =>
  new Promise<unknown>((succeed, fail) => loads.push({ what, signal, succeed, fail })) as Promise<T>;

const Page = defineStore("Async.Page", {
  streams: { log: { key: (line: Line) => line.id } },
  mount: (ctx) => ({
    profile: ctx.assignAsync("profile", (signal) => database<Profile>("profile", signal)),
    log: ctx.streamAsync("log", (signal) => database<Line[]>("log", signal)),
    report: null as AsyncValue<string> | null,
    answers: [] as readonly string[],
  }),
  render: (assigns) => ({ ...assigns }),
  commands: {
    reload: command((ctx) => ctx.assignAsync("profile", (signal) => database<Profile>("profile", signal))),
    cancel: command((ctx) => ctx.cancelAsync("profile")),
    refill: command((ctx) => {
      ctx.streamAsync("log", async (signal) => ({ items: await database<Line[]>("log", signal), reset: true }));
    }),
    ask: command((ctx) => ctx.startAsync("ask", (signal) => database<string>("ask", signal))),
    report: command((ctx) => ctx.assign({ report: AsyncValue.ok("at hand") })),
  },
  async: {
    ask: (ctx, outcome) => {
      const answer = outcome.status === "ok" ? String(outcome.value) : outcome.reason.reason;
      ctx.assign({ answers: [...ctx.assigns.answers, answer] });
    },
  },
});

const makeServer = () =>
  createMusubiServer({ stores: [Page], logger: { debug() {}, info() {}, warn() {}, error() {} } });
type Stores = InferStores<ReturnType<typeof makeServer>>;
type Proxy = StoreProxy<"Async.Page", Stores>;

let removeDom: () => void;
let musubi: MusubiServer;
let http: Server;
let port: number;
let sockets: Socket[];

async function start(at = 0): Promise<void> {
  musubi = makeServer();
  http = createServer();
  musubi.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(at, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
}

async function stop(): Promise<void> {
  await musubi.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

function socket(): Socket {
  const made = new Socket(`ws://127.0.0.1:${port}/socket`, {
    transport: WebSocket,
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  sockets.push(made);
  return made;
}

async function mountPage(): Promise<{ readonly store: Proxy; readonly connection: MusubiConnection<Stores> }> {
  const connection = await connect<Stores>(socket(), { logger: { warn() {}, error: console.error } });
  const { store } = await connection.mountStore({ module: "Async.Page", id: "1", params: {} });
  return { store, connection };
}

/** The load of this number, once somebody has begun it. */
async function load(at: number): Promise<Load> {
  await eventually(() => loads.length > at, `load ${at}`);
  return loads[at] as Load;
}

const ada = { name: "ada", since: new Date(0) };
const shown = { name: "ada", since: "1970-01-01T00:00:00.000Z" };

beforeAll(() => {
  removeDom = installDom();
});
afterAll(() => removeDom());

beforeEach(async () => {
  [loads, sockets] = [[], []];
  await start();
});

afterEach(async () => {
  for (const each of sockets) each.disconnect();
  await stop();
});

describe("async work of our server at our client, over a real socket", () => {
  test("loading, then ok; typed at the client by what the function returns", async () => {
    const { store } = await mountPage();
    const loading: AsyncResult<{ readonly name: string; readonly since: string }, AsyncReason> = store.profile;
    expect(loading).toEqual({ status: "loading", data: null, error: null });
    (await load(0)).succeed(ada);
    await eventually(() => store.profile.status === "ok");
    expect(store.profile).toEqual({ status: "ok", data: shown, error: null });
    expect(store.profile.data?.name.toUpperCase()).toBe("ADA");
    expect(store.report).toBe(null);
    await store.dispatchCommand("report");
    await eventually(() => store.report?.data === "at hand");
  });

  test("a reload keeps the data, a failure shows a code without internals, the next reload heals it", async () => {
    const { store } = await mountPage();
    (await load(0)).succeed(ada);
    await eventually(() => store.profile.status === "ok");
    const data = store.profile.data;
    await store.dispatchCommand("reload");
    await eventually(() => store.profile.status === "loading");
    expect(store.profile.data).toBe(data);
    (await load(2)).fail(new Error("password=secret"));
    await eventually(() => store.profile.status === "failed");
    expect(store.profile).toEqual({ status: "failed", data: shown, error: { reason: "internal", code: "internal" } });
    await store.dispatchCommand("reload");
    (await load(3)).fail(new Rejection("no_such_person", { advice: "ask again" }));
    await eventually(() => store.profile.error?.reason === "no_such_person");
    expect(store.profile.error).toEqual({ reason: "no_such_person", advice: "ask again" });
    await store.dispatchCommand("reload");
    (await load(4)).succeed({ ...ada, name: "bea" });
    await eventually(() => store.profile.data?.name === "bea");
    expect(store.profile.error).toBe(null);
  });

  test("a newer start drops what an older one brings, and aborts it", async () => {
    const { store } = await mountPage();
    await store.dispatchCommand("reload");
    const [older, newer] = [await load(0), await load(2)];
    await eventually(() => older.signal.aborted);
    newer.succeed({ ...ada, name: "new" });
    await eventually(() => store.profile.status === "ok");
    older.succeed({ ...ada, name: "stale" });
    await store.dispatchCommand("ask");
    (await load(3)).succeed("asked");
    await eventually(() => store.answers.length === 1);
    expect(store.profile.data?.name).toBe("new");
  });

  test("streamAsync: the state and the items come in one envelope", async () => {
    const { store } = await mountPage();
    expect(store.log).toEqual({ status: "loading", data: null, error: null });
    const seen: unknown[] = [];
    store.subscribe(() => seen.push([store.log.status, store.log.data?.length ?? null]));
    (await load(1)).succeed([
      { id: "1", text: "one" },
      { id: "2", text: "two" },
    ]);
    await eventually(() => store.log.status === "ok");
    expect(seen).toEqual([["ok", 2]]);
    expect(store.log.data?.map(({ text }) => text)).toEqual(["one", "two"]);
    await store.dispatchCommand("refill");
    await eventually(() => store.log.status === "loading");
    expect(store.log.data).toHaveLength(2);
    (await load(2)).succeed([{ id: "3", text: "three" }]);
    await eventually(() => store.log.status === "ok");
    expect(store.log.data).toEqual([{ id: "3", text: "three" }]);
  });

  test("startAsync and cancelAsync: the handler's assigns arrive; a cancelled value has failed", async () => {
    const { store } = await mountPage();
    await store.dispatchCommand("ask");
    (await load(2)).succeed("yes");
    await eventually(() => store.answers.length === 1);
    expect(store.answers).toEqual(["yes"]);
    await store.dispatchCommand("cancel");
    await eventually(() => store.profile.status === "failed");
    expect(store.profile.error).toEqual({ reason: "cancelled", code: "cancelled" });
    expect((await load(0)).signal.aborted).toBe(true);
  });

  test("a connection that is cut in the middle: what ran is aborted, and the fresh root loads for itself", async () => {
    const { store } = await mountPage();
    (await load(0)).succeed(ada);
    await eventually(() => store.profile.status === "ok");
    await store.dispatchCommand("reload");
    const cut = await load(2);
    await eventually(() => store.profile.status === "loading");
    (sockets[0] as unknown as { conn: WebSocket }).conn.terminate();
    await eventually(() => cut.signal.aborted);
    // The last good tree stays until the new one takes its place.
    expect(store.profile.data).toEqual(shown);
    const again = await load(3);
    cut.succeed({ ...ada, name: "of the dead root" });
    again.succeed({ ...ada, name: "fresh" });
    await eventually(() => store.profile.data?.name === "fresh");
    (await load(4)).succeed([{ id: "9", text: "nine" }]);
    await eventually(() => store.log.status === "ok");
    expect(store.log.data).toEqual([{ id: "9", text: "nine" }]);
    expect(musubi.inspect().roots).toMatchObject([{ async: 0 }]);
  });

  test("react.md: useMusubiAsync suspends, shows the data, marks a reload, and throws what failed", async () => {
    const { createMusubi } = await import("@musubi/react");
    const { cleanup, render } = await import("@testing-library/react");
    const { connection, store } = await mountPage();
    const { MusubiProvider, useMusubiAsync, useMusubiRootSuspense } = createMusubi<Stores>();
    const thrown: unknown[] = [];
    class Boundary extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
      override state = { failed: false };
      static getDerivedStateFromError = (): { failed: boolean } => ({ failed: true });
      override componentDidCatch(error: unknown): void {
        thrown.push(error);
      }
      override render(): ReactNode {
        return this.state.failed ? "broken" : this.props.children;
      }
    }
    const Name = (): ReactNode => {
      const page = useMusubiRootSuspense({ module: "Async.Page", id: "1", params: {} });
      const { data, isRefreshing } = useMusubiAsync(page, ({ profile }) => profile);
      return `${data.name}${isRefreshing ? " …" : ""}`;
    };
    const tree = createElement(
      MusubiProvider,
      { connection },
      createElement(Boundary, null, createElement(Suspense, { fallback: "waiting" }, createElement(Name))),
    );
    const view = render(tree);
    const text = (): string | null => view.container.textContent;
    const { error } = console;
    try {
      await expect.poll(text).toBe("waiting");
      (await load(0)).succeed(ada);
      await expect.poll(text).toBe("ada");
      await store.dispatchCommand("reload");
      await expect.poll(text).toBe("ada …");
      (await load(2)).succeed({ ...ada, name: "bea" });
      await expect.poll(text).toBe("bea");
      console.error = () => {};
      await store.dispatchCommand("reload");
      (await load(3)).fail(new Error("secret"));
      await expect.poll(text).toBe("broken");
      expect(thrown).toMatchObject([{ code: "async_failed", details: { reason: "internal", code: "internal" } }]);
    } finally {
      console.error = error;
      cleanup();
    }
  });
});
