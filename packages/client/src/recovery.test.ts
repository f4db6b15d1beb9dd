import { eventually, FakeClock, initialEnvelope, ScriptedServer, type TestSocket } from "@musubi/testing";
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
const count = () => (mounted.store as { count?: unknown }).count;
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
const setCount = (value: number) => [{ op: "replace", path: "/count", value }];
const sendGap = () => server.push("patch", envelope(5, 6));
const recoverOnce = async () => {
  const mounts = pushed("mount");
  sendGap();
  await eventually(() => pushed("mount") === mounts + 1 && isLive(), "the root recovers");
};

describe("what a live root does with an envelope (protocol.md 3, the table)", () => {
  test("the next version: applied", async () => {
    server.push("patch", envelope(1, 2, setCount(1)));
    await eventually(() => count() === 1);
    expect(pushed("unmount")).toBe(0);
  });

  test("a version it has: dropped as a duplicate", async () => {
    server.push("patch", envelope(1, 2, setCount(1)));
    server.push("patch", envelope(1, 2, setCount(5)));
    server.push("patch", envelope(2, 3, setCount(2)));
    await eventually(() => count() === 2);
    server.push("patch", envelope(1, 2, setCount(5)));
    await turn();
    expect(count()).toBe(2);
    expect(pushed("unmount")).toBe(0);
  });

  test("0 to 1 that replaces the whole: a restart in place", async () => {
    server.command("wait", () => ({}));
    server.intercept("command", () => {});
    const command = mounted.store.dispatchCommand("wait" as never);
    await eventually(() => pushed("command") === 1);
    server.push("patch", envelope(1, 2, setCount(1)));
    server.restart("Counter:a", { count: 10 });
    await expect(command).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    expect(mounted.store.snapshot()).toEqual({ __musubi_store_id__: [], count: 10 });
    server.push("patch", envelope(1, 2, setCount(11)));
    await eventually(() => count() === 11);
    expect(pushed("unmount")).toBe(0);
  });

  test.each([
    ["a gap", envelope(2, 3, setCount(9))],
    ["a leap", envelope(1, 3, setCount(9))],
    ["an op that leads nowhere", envelope(1, 2, [{ op: "replace", path: "/nope/deeper", value: 9 }])],
    ["an op that fails in the middle", envelope(1, 2, [...setCount(9), { op: "remove", path: "/list/7" }])],
    ["an op of another kind", envelope(1, 2, [{ op: "move", from: "/count", path: "/list/0" }])],
    ["a prototype key in a path", envelope(1, 2, [{ op: "add", path: "/__proto__/polluted", value: 9 }])],
    [
      "a prototype key in a value",
      envelope(1, 2, [{ op: "add", path: "/x", value: JSON.parse('{"__proto__":{"p":1}}') }]),
    ],
    ["ops that are no list", envelope(1, 2, "nope")],
    ["stream ops of a wrong shape", envelope(1, 2, [], { stream_ops: [{ op: "insert" }] })],
    ["versions that are no numbers", envelope(1, 2, [], { base_version: "1" })],
    ["0 to 1 that does not replace the whole", envelope(0, 1, setCount(9))],
    ["a whole that is no root store", envelope(0, 1, [{ op: "replace", path: "", value: { count: 9 } }])],
    ["a whole that is nothing", envelope(1, 2, [{ op: "replace", path: "", value: null }])],
  ])("%s: recovers, and nothing of the envelope shows", async (_name, payload) => {
    const seen: unknown[] = [];
    mounted.store.subscribe(() => seen.push(count()));
    server.store("Counter", (id) => ({ id, count: 100, list: [1, 2, 3] }));
    const before = mounted.store.snapshot();
    const held: (() => void)[] = [];
    const undo = server.intercept("unmount", (_message, proceed) => held.push(proceed));
    server.push("patch", payload);
    await eventually(() => held.length === 1);
    expect(mounted.state.current.status).toBe("recovering");
    expect(mounted.store.snapshot()).toBe(before);
    undo();
    held[0]?.();
    await eventually(isLive);
    expect(seen).toEqual([100]);
    expect([pushed("mount"), pushed("unmount")]).toEqual([2, 1]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

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

  test("protocol.md 3: sent commands wait for the unmount's answer, then are interrupted; queued ones go on", async () => {
    const held: (() => void)[] = [];
    server.command("slow", () => ({ ok: true }));
    const undoCommand = server.intercept("command", () => {});
    const sent = mounted.store.dispatchCommand("slow" as never);
    let isSettled = false;
    void sent.catch(() => {}).then(() => (isSettled = true));
    await eventually(() => pushed("command") === 1);
    const undoUnmount = server.intercept("unmount", (_message, proceed) => held.push(proceed));
    sendGap();
    await eventually(() => held.length === 1);
    const queued = mounted.store.dispatchCommand("slow" as never);
    await turn();
    expect(isSettled).toBe(false);
    undoCommand();
    undoUnmount();
    held[0]?.();
    await expect(sent).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    await expect(queued).resolves.toEqual({ ok: true });
  });

  test("protocol.md 3: back-off counts recoveries, the first is at once, and 30 s live forget them", async () => {
    await recoverOnce();
    sendGap();
    await eventually(() => pushed("unmount") === 2);
    await turn();
    expect(pushed("mount")).toBe(2);
    clock.advance(250);
    await eventually(isLive);
    sendGap();
    await eventually(() => pushed("unmount") === 3);
    await turn();
    clock.advance(499);
    await turn();
    expect(pushed("mount")).toBe(3);
    clock.advance(1);
    await eventually(isLive);
    clock.advance(30_000);
    await recoverOnce();
    expect(pushed("mount")).toBe(5);
  });

  test("protocol.md 2: a drop during recovery: the root is then simply mounted", async () => {
    server.intercept("unmount", () => {});
    sendGap();
    await eventually(() => pushed("unmount") === 1);
    server.cut();
    await eventually(() => pushed("phx_join") === 2 && isLive());
    expect([pushed("mount"), pushed("unmount")]).toEqual([2, 1]);
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

describe("root_down", () => {
  test("protocol.md 2 (root_down): retry true mounts the root again with back-off", async () => {
    server.down("Counter:a", "render failed", true);
    await eventually(() => mounted.state.current.status === "recovering");
    expect(mounted.state.current.error).toMatchObject({ code: "root_down", reason: "render failed" });
    expect(pushed("mount")).toBe(1);
    clock.advance(500);
    await eventually(isLive);
    expect(pushed("unmount")).toBe(0);
  });

  test("protocol.md 2 (root_down): retry false fails it; the last snapshot stays and commands are rejected", async () => {
    server.intercept("command", () => {});
    const sent = mounted.store.dispatchCommand("x" as never);
    await eventually(() => pushed("command") === 1);
    server.down("Counter:a", "gone", false);
    await expect(sent).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    expect(mounted.state.current).toMatchObject({ status: "failed", error: { code: "root_down", reason: "gone" } });
    expect(mounted.store.snapshot()).toMatchObject({ count: 0 });
    await expect(mounted.store.dispatchCommand("x" as never)).rejects.toMatchObject({
      code: "root_down",
      fate: "not_sent",
    });
    expect(connection.status.current).toBe("ready");
  });

  test("protocol.md 2 (root_down): before the mount reply it is held, and fails the mount it belongs to", async () => {
    server.intercept("mount", (message) => {
      server.push("root_down", { root_id: "r", reason: "no luck", retry: false });
      server.reply(message, "ok", { root_id: "r" });
    });
    await expect(connection.mountStore({ module: "Counter", id: "b" })).rejects.toMatchObject({
      code: "root_down",
      reason: "no luck",
    });
  });

  test("protocol.md 2 (root_down): in order with envelopes", async () => {
    server.push("patch", envelope(1, 2, setCount(5)));
    server.push("root_down", { root_id: "Counter:a", reason: "x", retry: false });
    await eventually(() => mounted.state.current.status === "failed");
    expect(mounted.store.snapshot()).toMatchObject({ count: 5 });
    server.push("patch", initialEnvelope("Counter:a", { count: 6 }, {}));
    await eventually(() => pushed("unmount") === 1);
    expect(mounted.store.snapshot()).toMatchObject({ count: 5 });
  });
});
