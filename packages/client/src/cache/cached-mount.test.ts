import { eventually, initialEnvelope, type ReceivedMessage } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MusubiMountError } from "../index.js";
import { mountConnectionRoot, openConnectionState, readTree, rootVersion } from "../runtime.js";
import { turn } from "./cache-setup.test.util.js";
import {
  ROOT,
  row,
  fields,
  world,
  connection,
  persister,
  titled,
  type Commands,
  mount,
  titleOf,
  kept,
  holdMounts,
  visited,
  readLog,
} from "./cached-list.test.util.js";

describe("the stale window", () => {
  test("client.md 17: a mount shows the last known state at once, streams too, while it goes to the server", async () => {
    await visited();
    const held = holdMounts();
    const again = await mount();
    expect(again.state.current).toEqual({ status: "stale", fromCache: true });
    expect(titleOf(again)).toBe("first");
    expect(readLog(again).map(({ text }) => text)).toEqual(["one", "two"]);
    await eventually(() => held.length === 1);
    titled("second");
    held[0]?.();
    await again.revalidated;
    expect(again.state.current).toEqual({ status: "live", fromCache: false });
    expect(titleOf(again)).toBe("second");
    // An initial envelope begins without streams (protocol.md section 3).
    expect(readLog(again)).toEqual([]);
  });

  test("client.md 17: the fresh state swaps in at once: equal parts keep identity, listeners of changed stores only", async () => {
    await visited();
    const held = holdMounts();
    const { store, revalidated } = await mount();
    const list = store as unknown as {
      rows: { subscribe(f: () => void): void }[];
      snapshot(): { title: string; rows: object[] };
    };
    const before = list.snapshot();
    const seen: string[] = [];
    store.subscribe(() => seen.push(`root ${list.snapshot().title}`));
    list.rows[0]?.subscribe(() => seen.push("a"));
    list.rows[1]?.subscribe(() => seen.push("b"));
    await eventually(() => held.length === 1);
    world.server.store("List", () => fields("second", 7));
    held[0]?.();
    await revalidated;
    expect(seen).toEqual(["root second", "a"]);
    expect(list.snapshot().rows[1]).toBe(before.rows[1]);
    expect(list.snapshot().rows[0]).toEqual(row("a", 7));
  });

  test("client.md 17: the same state again changes nothing but fromCache", async () => {
    world.server.store("List", () => ({ title: "first" }));
    await world.end(await mount());
    const held = holdMounts();
    const { store, revalidated, state } = await mount();
    const [before, listener, states] = [store.snapshot(), vi.fn(), [] as unknown[]];
    store.subscribe(listener);
    state.subscribe(() => states.push(state.current));
    await eventually(() => held.length === 1);
    held[0]?.();
    await revalidated;
    expect(store.snapshot()).toBe(before);
    expect(listener).not.toHaveBeenCalled();
    expect(states).toEqual([{ status: "live", fromCache: false }]);
  });

  test("client.md 17: commands queue until the root is live", async () => {
    await visited();
    const held = holdMounts();
    const { store } = await mount();
    const reply = store.dispatchCommand("rename" as never);
    const refused = (store as unknown as Commands).dispatchCommand("rename", {}, { whenOffline: "reject" });
    await expect(refused).rejects.toMatchObject({ code: "offline", fate: "not_sent" });
    await eventually(() => held.length === 1);
    expect(world.pushed("command")).toBe(0);
    held[0]?.();
    await expect(reply).resolves.toEqual({ ok: true });
  });

  test("protocol.md 3: a seeded tree has version 0: only 0 to 1 is taken, anything else recovers under it", async () => {
    await visited();
    const { connection: engine } = openConnectionState(world.server.createSocket(), world);
    const asked: ReceivedMessage[] = [];
    const undo = world.server.intercept("mount", (message) => asked.push(message));
    const opening = mountConnectionRoot(engine, { module: "List", id: "1", cache: { persister } });
    const root = opening.connection;
    expect(rootVersion(root)).toBe(0);
    await eventually(() => asked.length === 1);
    undo();
    world.server.reply(asked[0] as ReceivedMessage, "ok", { root_id: ROOT });
    const next = { type: "patch", root_id: ROOT, base_version: 1, version: 2, stream_ops: [] };
    world.server.push("patch", { ...next, ops: [{ op: "replace", path: "/title", value: "bad" }] });
    await eventually(() => root.state.current.status === "live");
    expect(readTree(root)).toMatchObject({ title: "first" });
    expect(rootVersion(root)).toBe(1);
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
    engine.release();
  });

  test("client.md 17: a cold mount is revalidated when it is mounted", async () => {
    const mounted = await mount();
    await mounted.revalidated;
    expect(mounted.state.current).toEqual({ status: "live", fromCache: false });
    await (await mount(undefined)).revalidated;
  });
});

describe("revalidation that fails", () => {
  const unhandled = vi.fn();
  beforeEach(() => {
    unhandled.mockClear();
    process.on("unhandledRejection", unhandled);
  });
  afterEach(async () => {
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test("client.md 17: refused for good: failed, the stale tree stays, revalidated rejects, the record goes", async () => {
    await visited();
    world.server.store("List", () => {
      throw new Error("forbidden");
    });
    const again = await mount();
    const command = again.store.dispatchCommand("rename" as never);
    await expect(command).rejects.toMatchObject({ code: "root_down", fate: "not_sent" });
    expect(again.state.current).toMatchObject({ status: "failed", fromCache: true, error: { reason: "forbidden" } });
    expect(titleOf(again)).toBe("first");
    const error: unknown = await again.revalidated.catch((reason: unknown) => reason);
    expect(MusubiMountError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: "mount_refused", reason: "forbidden" });
    expect(kept()).toBeUndefined();
    await world.end(again);
    await expect(mount()).rejects.toMatchObject({ code: "mount_refused" });
    expect(kept()).toBeUndefined();
  });

  test("client.md 17: refused for now: the stale tree stays and the mount is tried again", async () => {
    await visited();
    world.server.store("List", () => {
      throw new Error("overloaded");
    });
    const again = await mount();
    await eventually(() => again.state.current.error !== undefined);
    expect(again.state.current).toMatchObject({ status: "stale", fromCache: true });
    world.server.store("List", () => fields("second"));
    world.clock.advance(5_000);
    await again.revalidated;
    expect(titleOf(again)).toBe("second");
  });

  test("client.md 17: no answer in time: the stale tree stays and the mount is tried again", async () => {
    await visited();
    const held = holdMounts();
    const again = await mount();
    await eventually(() => held.length === 1);
    world.clock.advance(10_000);
    expect(again.state.current).toMatchObject({ status: "stale", fromCache: true, error: { code: "mount_timeout" } });
    expect(titleOf(again)).toBe("first");
    expect(kept()).toBeDefined();
  });

  test("client.md 7 and 17: a disconnect in the stale window rejects revalidated", async () => {
    await visited();
    holdMounts();
    const again = await mount();
    await connection.disconnect();
    await expect(again.revalidated).rejects.toMatchObject({
      code: expect.stringMatching(/disconnected|unmounted/) as string,
    });
    expect(titleOf(again)).toBe("first");
  });
});

test("protocol.md 3: an early initial envelope ends the stale window like any other", async () => {
  await visited();
  world.server.intercept("mount", (message) => {
    world.server.push("patch", initialEnvelope(ROOT, fields("early"), {}));
    world.server.reply(message, "ok", { root_id: ROOT });
  });
  const again = await mount();
  await again.revalidated;
  expect(titleOf(again)).toBe("early");
});
