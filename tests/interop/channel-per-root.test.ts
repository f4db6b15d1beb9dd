import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type AnyRegistry, connect, type MusubiConnection } from "@musubi/client";
import { channel, createEndpoint, type Endpoint, error, joined, ok, refused, stop } from "@musubi/server";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

interface Seen {
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
}

interface Counter {
  readonly count: number;
  dispatchCommand(name: string, payload?: object): Promise<unknown>;
  snapshot(): unknown;
}

let seen: Seen[];
let endpoint: Endpoint;
let http: Server;
let port: number;
let socket: Socket;
let connection: MusubiConnection<AnyRegistry>;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A server of the newer kind: joining a topic of its own mounts a root (protocol.md section 8). */
function counterChannel() {
  const envelope = (version: number, ops: unknown) => ({
    type: "patch",
    root_id: "whatever",
    base_version: version - 1,
    version,
    ops,
    stream_ops: [],
  });
  return channel<{ version: number; count: number }>("roots:*", {
    join: (ctx, payload) => {
      seen.push({ topic: ctx.topic, event: "join", payload });
      const { module, id } = payload as { module: string; id: string };
      if (module !== "Counter") return refused({ reason: "unknown_module" });
      ctx.send("initial");
      return joined({ version: 1, count: id.length }, id === "named" ? { root_id: "r1" } : {});
    },
    info: (ctx) => {
      const value = { __musubi_store_id__: [], count: ctx.state.count };
      ctx.push("patch", envelope(1, [{ op: "replace", path: "", value }]));
    },
    handlers: {
      command: (ctx, payload) => {
        seen.push({ topic: ctx.topic, event: "command", payload });
        const { name } = payload as { name: string };
        if (name === "crash") throw new Error("boom");
        if (name === "close") return stop("normal");
        if (name === "gap") {
          ctx.push("patch", envelope(9, []));
          return ok();
        }
        if (name !== "add") return error({ reason: "unknown_command" });
        ctx.state.count++;
        ctx.push("patch", envelope(++ctx.state.version, [{ op: "replace", path: "/count", value: ctx.state.count }]));
        return ok({ count: ctx.state.count });
      },
    },
    terminate: (ctx) => void seen.push({ topic: ctx.topic, event: "terminate", payload: null }),
  });
}

async function start(at = 0): Promise<void> {
  endpoint = createEndpoint({ channels: [counterChannel()], logger: quiet });
  http = createServer();
  endpoint.attach(http, { path: "/socket" });
  await new Promise<void>((resolve) => http.listen(at, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
}

async function stopServer(): Promise<void> {
  await endpoint.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

beforeEach(async () => {
  seen = [];
  await start();
  socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
    transport: WebSocket,
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  connection = await connect<AnyRegistry>(socket, {
    topic: "roots",
    topology: "channel-per-root",
    random: () => 0.01,
    logger: { warn() {}, error: console.error },
  });
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  await stopServer();
});

async function mount(id: string, module = "Counter") {
  const mounted = await connection.mountStore({ module, id, params: { start: 1 } });
  return { ...mounted, counter: mounted.store as unknown as Counter };
}
const joins = (id: string): number =>
  seen.filter(({ topic, event }) => topic === `roots:Counter:${id}` && event === "join").length;
const ended = (id: string): number =>
  seen.filter(({ topic, event }) => topic === `roots:Counter:${id}` && event === "terminate").length;

describe("a channel for every root (protocol.md 8)", () => {
  test("connect is ready when the socket is open; joining with module, id and params is the mount", async () => {
    expect(connection.status.current).toBe("ready");
    const [a, named] = await Promise.all([mount("a"), mount("named")]);
    expect(a.counter.snapshot()).toEqual({ __musubi_store_id__: [], count: 1 });
    expect(named.counter.count).toBe(5);
    expect(seen[0]).toEqual({
      topic: "roots:Counter:a",
      event: "join",
      payload: { module: "Counter", id: "a", params: { start: 1 } },
    });
  });

  test("commands carry no root_id; envelopes are the same", async () => {
    const { counter } = await mount("a");
    await expect(counter.dispatchCommand("add", { by: 1 })).resolves.toEqual({ count: 2 });
    expect(counter.count).toBe(2);
    expect(seen.at(-1)?.payload).toEqual({ store_id: [], name: "add", payload: { by: 1 } });
    await expect(counter.dispatchCommand("nope")).rejects.toMatchObject({ code: "unknown_command" });
  });

  test("leaving is the unmount, and a mount after it joins anew", async () => {
    const { unmount, state } = await mount("a");
    await unmount();
    await eventually(() => ended("a") === 1 && state.current.status === "closed");
    await mount("a");
    expect(joins("a")).toBe(2);
  });

  test("a refused join rejects, is not tried for ever, and leaves nothing behind", async () => {
    await expect(mount("x", "Nope")).rejects.toMatchObject({ code: "mount_refused", reason: "unknown_module" });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(seen.filter(({ topic }) => topic === "roots:Nope:x")).toHaveLength(1);
  });

  test("a colon in a module or an id is refused here", async () => {
    await expect(mount("a:b")).rejects.toMatchObject({ code: "invalid_id" });
    await expect(mount("a", "A:B")).rejects.toMatchObject({ code: "invalid_id" });
    expect(seen).toEqual([]);
  });

  test("a gap: the root leaves and joins again; the others never notice", async () => {
    const [a, b] = await Promise.all([mount("a"), mount("b")]);
    await a.counter.dispatchCommand("add");
    await a.counter.dispatchCommand("gap").catch(() => {});
    await eventually(() => joins("a") === 2 && a.state.current.status === "live");
    expect(a.counter.count).toBe(1);
    expect([joins("b"), b.state.current.status]).toEqual([1, "live"]);
  });

  test("a crash of one root's channel: phoenix.js rejoins it, with the last tree readable meanwhile", async () => {
    const [a, b] = await Promise.all([mount("a"), mount("b")]);
    await a.counter.dispatchCommand("add");
    const seenCounts = new Set<number>();
    const stopWatching = a.store.subscribe(() => seenCounts.add(a.counter.count));
    await expect(a.counter.dispatchCommand("crash")).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    expect(a.counter.count).toBe(2);
    await eventually(() => a.state.current.status === "live");
    expect([...seenCounts]).toEqual([1]);
    expect([joins("a"), joins("b")]).toEqual([2, 1]);
    expect(b.state.current.status).toBe("live");
    expect(connection.status.current).toBe("ready");
    stopWatching();
  });

  test("a channel that the server closes is opened again", async () => {
    const { counter, state } = await mount("a");
    await counter.dispatchCommand("close").catch(() => {});
    await eventually(() => joins("a") === 2 && state.current.status === "live");
  });

  test("a server that goes and comes back: every root is mounted again, commands queue", async () => {
    const [a, b] = await Promise.all([mount("a"), mount("b")]);
    await stopServer();
    await eventually(() => a.state.current.status === "stale" && b.state.current.status === "stale");
    expect(connection.status.current).toBe("reconnecting");
    const queued = a.counter.dispatchCommand("add");
    const statuses: unknown[] = [];
    connection.status.subscribe(() => statuses.push([connection.status.current, a.state.current.status]));
    await start(port);
    await expect(queued).resolves.toEqual({ count: 2 });
    await eventually(() => connection.status.current === "ready");
    expect(statuses).toEqual([["ready", "live"]]);
    expect([joins("a"), joins("b")]).toEqual([2, 2]);
  });

  test("rule 4: new params asked for while there is no server are those that are mounted", async () => {
    const a = await mount("a");
    await stopServer();
    await eventually(() => a.state.current.status === "stale");
    const remounted = a.remount({ start: 2 });
    await start(port);
    await remounted;
    expect(seen.filter(({ event }) => event === "join").at(-1)?.payload).toMatchObject({ params: { start: 2 } });
  });

  test("disconnect leaves every channel", async () => {
    await Promise.all([mount("a"), mount("b")]);
    await connection.disconnect();
    await eventually(() => ended("a") === 1 && ended("b") === 1);
  });
});
