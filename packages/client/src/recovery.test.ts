import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type Logger, type MountedStore, type MusubiConnection } from "./index.js";

let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
let mounted: MountedStore<string, AnyRegistry>;
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

beforeEach(async () => {
  vi.clearAllMocks();
  clock = new FakeClock();
  server = new ScriptedServer().store("Counter", (id) => ({ id, count: 0, list: [1, 2, 3] }));
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
  mounted = await connection.mountStore({ module: "Counter", id: "a" });
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
  expect(logger.error).not.toHaveBeenCalled();
});

const pushed = (event: string): number => server.messages(event).length;
const turn = () => new Promise((resolve) => setTimeout(resolve, 3));
const isLive = () => mounted.state.current.status === "live";
const envelope = (from: number, to: number, ops: unknown = [], rest: object = {}) => ({
  type: "patch",
  root_id: "Counter:a",
  base_version: from,
  version: to,
  ops,
  stream_ops: [],
  ...rest,
});
const sendGap = () => server.push("patch", envelope(5, 6));
const recoverOnce = async () => {
  const mounts = pushed("mount");
  sendGap();
  await eventually(() => pushed("mount") === mounts + 1 && isLive(), "the root recovers");
};

describe("recovery", () => {
  test("protocol.md 3: other roots never notice", async () => {
    const other = await connection.mountStore({ module: "Counter", id: "b" });
    const listener = vi.fn();
    other.store.subscribe(listener);
    other.state.subscribe(listener);
    connection.status.subscribe(listener);
    await recoverOnce();
    server.patch("Counter:b", [{ op: "replace", path: "/count", value: 1 }]);
    await eventually(() => listener.mock.calls.length === 1);
    expect(other.state.current.status).toBe("live");
  });

  test("protocol.md 3: the same state again changes nothing, tells nobody, and keeps identity", async () => {
    const before = mounted.store.snapshot();
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    await recoverOnce();
    expect(mounted.store.snapshot()).toBe(before);
    expect(listener).not.toHaveBeenCalled();
  });

  test("client.md 7: disconnect during recovery closes the root", async () => {
    server.intercept("unmount", () => {});
    sendGap();
    await eventually(() => pushed("unmount") === 1);
    await connection.disconnect();
    expect(mounted.state.current.status).toBe("closed");
    expect(mounted.store.snapshot()).toMatchObject({ count: 0 });
  });

  test("protocol.md 3: an unanswered unmount is given up, and the root is mounted again", async () => {
    // A status that is neither ok nor error reaches no hook of phoenix.js, not even its timeout's.
    server.intercept("unmount", (message) => server.reply(message, "teapot", {}));
    sendGap();
    await eventually(() => pushed("unmount") === 1);
    await turn();
    server.rootIdOf = (module, id) => `${module}:${id}:2`;
    clock.advance(10_000);
    await eventually(isLive);
  });
});

describe("a crash of the server's side of the channel", () => {
  test("protocol.md 2: every root is mounted again, with its last tree readable meanwhile", async () => {
    server.crash();
    await eventually(() => mounted.state.current.status === "stale");
    expect(mounted.store.snapshot()).toMatchObject({ count: 0 });
    await eventually(isLive);
    expect(pushed("mount")).toBe(2);
  });

  test("protocol.md 2: one root that crashes its server does not take nine others down", async () => {
    const others = await Promise.all(
      Array.from({ length: 8 }, (_, index) => connection.mountStore({ module: "Counter", id: `b${index}` })),
    );
    const undo = server.intercept("mount", (message, proceed) => {
      if ((message.payload as { id: string }).id === "poison") server.crash();
      else proceed();
    });
    const poison = connection.mountStore({ module: "Counter", id: "poison" });
    await expect(poison).rejects.toMatchObject({ code: "mount_crashed" });
    await eventually(() => [mounted, ...others].every((root) => root.state.current.status === "live"));
    expect(connection.status.current).toBe("ready");
    undo();
    await expect(connection.mountStore({ module: "Counter", id: "poison" })).resolves.toBeDefined();
  });

  test("protocol.md 2: suspects are mounted last, one at a time", async () => {
    const held: string[] = [];
    const undo = server.intercept("mount", (message) => held.push((message.payload as { id: string }).id));
    const mounts = ["x", "y"].map((id) => connection.mountStore({ module: "Counter", id }));
    await eventually(() => held.length === 2);
    undo();
    const order: string[] = [];
    const proceeds: (() => void)[] = [];
    server.intercept("mount", (message, proceed) => {
      order.push((message.payload as { id: string }).id);
      proceeds.push(proceed);
    });
    server.crash();
    await eventually(() => order.length === 1);
    expect(order).toEqual(["a"]);
    proceeds[0]?.();
    await eventually(() => order.length === 2);
    await turn();
    expect(order).toEqual(["a", "x"]);
    proceeds[1]?.();
    await eventually(() => order.length === 3);
    proceeds[2]?.();
    await Promise.all(mounts);
    expect(order).toEqual(["a", "x", "y"]);
  });
});
