import {
  eventually,
  FakeClock,
  initialEnvelope,
  type ReceivedMessage,
  ScriptedServer,
  type TestSocket,
} from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type Logger, type MusubiConnection } from "./index.js";

let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

beforeEach(async () => {
  vi.clearAllMocks();
  clock = new FakeClock();
  server = new ScriptedServer().store("Counter", (id) => ({ id, count: 0 })).store("Other", (id) => ({ id }));
  socket = server.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
  expect(logger.error).not.toHaveBeenCalled();
});

const mount = (id = "a", module = "Counter") => connection.mountStore({ module, id });
const pushed = (event: string): number => server.messages(event).length;
const turn = () => new Promise((resolve) => setTimeout(resolve, 3));

describe("mounting", () => {
  test("client.md 4: the same pair shares one root and one proxy; the last holder unmounts it after the grace", async () => {
    const [first, second] = await Promise.all([mount(), mount()]);
    expect(first.store).toBe(second.store);
    expect(pushed("mount")).toBe(1);
    await first.unmount();
    await first.unmount();
    clock.advance(1_000);
    expect(first.state.current.status).toBe("live");
    await second.unmount();
    clock.advance(49);
    await turn();
    expect(pushed("unmount")).toBe(0);
    clock.advance(1);
    await eventually(() => pushed("unmount") === 1);
    expect(server.messages("unmount")).toEqual([{ root_id: "Counter:a" }]);
    await eventually(() => first.state.current.status === "closed");
  });

  test("protocol.md 2: what comes early for a mount that is asked for again at once is held, not unmounted", async () => {
    const asked: ReceivedMessage[] = [];
    server.intercept("mount", (message) => asked.push(message));
    const opened = connection.openRoot({ module: "Counter", id: "a" });
    await eventually(() => asked.length === 1);
    const remounted = opened.remount({ page: 2 });
    clock.advance(10_000);
    await eventually(() => asked.length === 2);
    server.push("patch", initialEnvelope("Counter:a", { count: 5 }, {}));
    await turn();
    expect(pushed("unmount")).toBe(0);
    server.reply(asked[1] as ReceivedMessage, "ok", { root_id: "Counter:a" });
    await remounted;
    expect(opened.store.snapshot()).toMatchObject({ count: 5 });
    opened.release();
  });

  test("client.md 4: a mount within the grace keeps the root", async () => {
    const first = await mount();
    await first.unmount();
    clock.advance(49);
    const second = await mount();
    clock.advance(1_000);
    await turn();
    expect(second.store).toBe(first.store);
    expect([pushed("mount"), pushed("unmount")]).toEqual([1, 0]);
  });

  test("client.md 4: other params share the root, the first win, one warning", async () => {
    await connection.mountStore({ module: "Counter", id: "a", params: { a: 1, b: 2 } });
    await connection.mountStore({ module: "Counter", id: "a", params: { b: 2, a: 1 } });
    expect(logger.warn).not.toHaveBeenCalled();
    await connection.mountStore({ module: "Counter", id: "a", params: { a: 2 } });
    expect(logger.warn).toHaveBeenCalledTimes(1);
    expect(server.messages("mount")).toEqual([{ module: "Counter", id: "a", params: { a: 1, b: 2 } }]);
  });

  test("client.md 4: remount mounts with other params while the last tree stays", async () => {
    server.store("Counter", (id, params) => ({ id, params }));
    const { store, remount } = await connection.mountStore({
      module: "Counter",
      id: "a",
      params: { page: 1 },
    });
    const remounted = remount({ page: 2 });
    expect(store.snapshot()).toMatchObject({ params: { page: 1 } });
    await remounted;
    expect(store.snapshot()).toMatchObject({ params: { page: 2 } });
    expect([pushed("mount"), pushed("unmount")]).toEqual([2, 1]);
  });

  test("client.md 4: remount while a mount is on its way shows only the state of the new params", async () => {
    server.store("Counter", (_id, params) => ({ page: (params as { page?: number }).page ?? 0 }));
    const { store, remount, state } = await connection.mountStore({ module: "Counter", id: "a" });
    const seen: unknown[] = [];
    store.subscribe(() => seen.push((store as { page?: unknown }).page));
    const held: (() => void)[] = [];
    const undo = server.intercept("mount", (_message, proceed) => held.push(proceed));
    const first = remount({ page: 1 });
    await eventually(() => held.length === 1);
    const second = remount({ page: 2 });
    undo();
    held[0]?.();
    await Promise.all([first, second]);
    expect(state.current.status).toBe("live");
    expect(seen).toEqual([2]);
  });

  test("client.md 4: remount of a root that keeps being refused tries the new params at once", async () => {
    server.store("Counter", (_id, params) => {
      if ((params as { page?: number }).page === 1) throw new Error("no such page");
      return { page: (params as { page?: number }).page ?? 0 };
    });
    const { store, remount, state } = await connection.mountStore({ module: "Counter", id: "a" });
    remount({ page: 1 }).catch(() => {});
    await eventually(() => state.current.error?.code === "mount_refused");
    expect((store as { page?: unknown }).page).toBe(0);
    await remount({ page: 2 });
    expect((store as { page?: unknown }).page).toBe(2);
  });

  test("client.md 5: a refused mount rejects every waiter with the server's reason and leaves nothing behind", async () => {
    const outcomes = await Promise.allSettled([mount("x", "Unknown"), mount("x", "Unknown")]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: {
          name: "MusubiMountError",
          code: "mount_refused",
          reason: "unknown module",
          module: "Unknown",
          id: "x",
        },
      });
    }
    expect(pushed("mount")).toBe(1);
    clock.advance(1_000);
    server.store("Unknown", (id) => ({ id }));
    const { store } = await mount("x", "Unknown");
    expect(store.snapshot()).toMatchObject({ id: "x" });
  });

  test("client.md 5: a mount that is not answered in time rejects, and the next one tries afresh", async () => {
    const undo = server.intercept("mount", () => {});
    const mounting = mount();
    await eventually(() => pushed("mount") === 1);
    clock.advance(10_000);
    await expect(mounting).rejects.toMatchObject({ code: "mount_timeout" });
    undo();
    await expect(mount()).resolves.toBeDefined();
  });

  test("protocol.md 2: two modules may share an id", async () => {
    const a = await mount("a", "Counter");
    const b = await mount("a", "Other");
    expect(a.store).not.toBe(b.store);
    server.patch("Counter:a", [{ op: "replace", path: "/count", value: 1 }]);
    await eventually(() => (a.store as { count?: unknown }).count === 1);
    expect(b.store.snapshot()).toEqual({ __musubi_store_id__: [], id: "a" });
  });

  test("protocol.md 2: on a server that answers root_id = id, a second module with a held id is refused locally", async () => {
    server.rootIdOf = (_module, id) => id;
    await mount("a", "Counter");
    await expect(mount("a", "Other")).rejects.toMatchObject({ code: "root_id_taken" });
    expect(pushed("mount")).toBe(1);
  });

  test("protocol.md 2: on such a server an id is held also while its root is mounted anew", async () => {
    server.rootIdOf = (_module, id) => id;
    const { remount } = await mount("a", "Counter");
    let proceed = (): void => {};
    server.intercept("mount", (_message, answer) => {
      proceed = answer;
    });
    const remounted = remount({ n: 2 });
    await eventually(() => pushed("mount") === 2);
    await expect(mount("a", "Other")).rejects.toMatchObject({ code: "root_id_taken" });
    proceed();
    await remounted;
    expect([pushed("mount"), pushed("unmount")]).toEqual([2, 1]);
  });

  test("protocol.md 2: an id that another module's mount under way has taken is not unmounted from under it", async () => {
    const held: ReceivedMessage[] = [];
    server.intercept("mount", (message) => void held.push(message));
    const [first, second] = [mount("a", "Counter"), mount("a", "Other")];
    second.catch(() => {});
    await eventually(() => held.length === 2);
    server.reply(held[1] as ReceivedMessage, "error", { reason: "already_mounted", root_id: "a" });
    await expect(second).rejects.toMatchObject({ code: "root_id_taken" });
    server.reply(held[0] as ReceivedMessage, "ok", { root_id: "a" });
    server.push("patch", initialEnvelope("a", { count: 5 }, {}));
    await first;
    expect(pushed("unmount")).toBe(0);
  });

  test("protocol.md 2: a reply without a root_id means root_id = id", async () => {
    server.intercept("mount", (message) => {
      server.reply(message, "ok", {});
      server.push("patch", initialEnvelope("a", { count: 5 }, {}));
    });
    const { store } = await mount("a");
    expect(store.snapshot()).toMatchObject({ count: 5 });
  });

  test("protocol.md 2: more than 64 early envelopes overflow, and the mount that names them recovers", async () => {
    let mounts = 0;
    server.intercept("mount", (message, proceed) => {
      if (mounts++ > 0) return proceed();
      for (let version = 0; version < 65; version++) {
        const ops = version === 0 ? [{ op: "replace", path: "", value: { __musubi_store_id__: [], n: 0 } }] : [];
        const root = { root_id: "Counter:a", base_version: version, version: version + 1 };
        server.push("patch", { type: "patch", ...root, ops, stream_ops: [] });
      }
      server.reply(message, "ok", { root_id: "Counter:a" });
    });
    const { store } = await mount();
    expect(store.snapshot()).toEqual({ __musubi_store_id__: [], id: "a", count: 0 });
    expect([pushed("mount"), pushed("unmount")]).toEqual([2, 1]);
  });

  test("protocol.md 2: an envelope of an unknown root gets one unmount per join", async () => {
    server.push("patch", initialEnvelope("stranger", {}, {}));
    server.push("patch", initialEnvelope("stranger", {}, {}));
    await eventually(() => pushed("unmount") === 1);
    expect(server.messages("unmount")).toEqual([{ root_id: "stranger" }]);
    server.cut();
    await eventually(() => pushed("phx_join") === 2 && connection.status.current === "ready");
    server.push("patch", initialEnvelope("stranger", {}, {}));
    await eventually(() => pushed("unmount") === 2);
  });

  test("protocol.md 2: what was held and nobody claimed gets its unmount when the mounts are answered", async () => {
    server.intercept("mount", (_message, proceed) => {
      server.push("patch", initialEnvelope("stranger", {}, {}));
      proceed();
    });
    await mount();
    await eventually(() => pushed("unmount") === 1);
    expect(server.messages("unmount")).toEqual([{ root_id: "stranger" }]);
  });
});

describe("already_mounted", () => {
  const alreadyMounted = { reason: "already_mounted", root_id: "Counter:a" };

  test("protocol.md 2: for a pair mounted in this join it counts as ok", async () => {
    const held: ReceivedMessage[] = [];
    const undo = server.intercept("mount", (message) => held.push(message));
    const first = mount();
    await eventually(() => held.length === 1);
    clock.advance(10_000);
    await expect(first).rejects.toMatchObject({ code: "mount_timeout" });
    const second = mount();
    await eventually(() => held.length === 2);
    undo();
    server.push("patch", initialEnvelope("Counter:a", { count: 3 }, {}));
    server.reply(held[0] as ReceivedMessage, "ok", { root_id: "Counter:a" });
    server.reply(held[1] as ReceivedMessage, "error", alreadyMounted);
    const { store } = await second;
    expect(store.snapshot()).toMatchObject({ count: 3 });
    expect([pushed("mount"), pushed("unmount")]).toEqual([2, 0]);
  });

  test("protocol.md 2: for a pair mounted in this join with other params it is a phantom", async () => {
    server.store("Counter", (_id, params) => ({ page: (params as { page?: number }).page ?? 0 }));
    const held: (() => void)[] = [];
    const undo = server.intercept("mount", (_message, proceed) => held.push(proceed));
    const first = connection.mountStore({ module: "Counter", id: "a", params: { page: 1 } });
    await eventually(() => held.length === 1);
    clock.advance(10_000);
    await expect(first).rejects.toMatchObject({ code: "mount_timeout" });
    const second = connection.mountStore({ module: "Counter", id: "a", params: { page: 2 } });
    await eventually(() => held.length === 2);
    undo();
    for (const proceed of held) proceed();
    const { store } = await second;
    expect(store.snapshot()).toMatchObject({ page: 2 });
  });

  test("protocol.md 2: a phantom whose root_id another root holds does not cost that root its life", async () => {
    const { state } = await mount("a", "Counter");
    server.intercept("mount", (message) => server.reply(message, "error", alreadyMounted));
    await expect(mount("b", "Other")).rejects.toMatchObject({ code: "root_id_taken" });
    expect(pushed("unmount")).toBe(0);
    expect(state.current.status).toBe("live");
  });
});

test("client.md 7: a failed root that is asked for anew without a connection settles with the disconnect", async () => {
  const { remount, state } = await mount("a");
  server.down("Counter:a", "broken", false);
  await eventually(() => state.current.status === "failed");
  server.accepting = false;
  server.cut();
  await eventually(() => connection.status.current === "reconnecting");
  const remounted = remount({ n: 2 });
  await connection.disconnect();
  await expect(remounted).rejects.toMatchObject({ code: "disconnected" });
  expect(state.current.status).toBe("closed");
});

describe("unmounting", () => {
  test("protocol.md 2: any error reply to an unmount means that the root is gone", async () => {
    const first = await mount();
    server.intercept("unmount", (message) => server.reply(message, "error", { reason: "whatever" }));
    await first.unmount();
    clock.advance(50);
    await eventually(() => first.state.current.status === "closed");
  });
});
