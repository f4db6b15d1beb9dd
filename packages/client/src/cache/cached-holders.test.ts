import { eventually } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import type { CachePersister } from "../index.js";
import { recordOf, spyPersister, turn } from "./cache-setup.test.util.js";
import {
  ROOT,
  fields,
  world,
  connection,
  persister,
  type Mounted,
  mount,
  titleOf,
  kept,
  holdMounts,
  visited,
} from "./cached-list.test.util.js";

describe("roots and holders", () => {
  test("client.md 17: mount, unmount, mount in one go, as StrictMode does: one mount, one read", async () => {
    await visited();
    persister.calls.length = 0;
    const before = world.pushed("mount");
    const first = connection.openRoot({ module: "List", id: "1", cache: { persister } });
    first.release();
    const second = connection.openRoot({ module: "List", id: "1", cache: { persister } });
    expect(second.state.current.fromCache).toBe(true);
    await second.revalidated;
    world.clock.advance(100);
    expect(second.state.current.status).toBe("live");
    expect([world.pushed("mount") - before, persister.calls]).toEqual([1, ["get"]]);
  });

  test("client.md 17: of several holders the first cache counts", async () => {
    const other = spyPersister();
    const plain = await mount(undefined);
    const first = await mount();
    const second = await mount({ persister: other });
    expect(first.store).toBe(plain.store);
    world.clock.advance(1_000);
    expect(kept()?.tree).toMatchObject({ title: "first" });
    expect(other.calls).toEqual([]);
    await world.end(await endBut(plain, first, second));
    expect(other.calls).toEqual([]);
  });

  async function endBut(last: Mounted, ...others: Mounted[]): Promise<Mounted> {
    for (const { unmount } of others) await unmount();
    return last;
  }

  test("client.md 17: remount keeps each state under its own params, and shows none of former ones late", async () => {
    world.server.store("List", (_id, params) => fields(`page ${(params as { page?: number }).page ?? 0}`));
    const mounted = await mount();
    const remounted = mounted.remount({ page: 1 });
    expect(kept()?.tree).toMatchObject({ title: "page 0" });
    expect(titleOf(mounted)).toBe("page 0");
    await remounted;
    await world.end(mounted);
    expect(kept()?.tree).toMatchObject({ title: "page 0" });
    expect(kept({ page: 1 })?.tree).toMatchObject({ title: "page 1" });

    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    const held = holdMounts();
    const late = connection.openRoot({ module: "List", id: "1", cache: { persister: slow } });
    await eventually(() => held.length === 1);
    const again = late.remount({ page: 1 });
    answer(recordOf({ title: "page 0" }));
    await turn();
    expect(late.store.snapshot()).toBeUndefined();
    for (const proceed of held) proceed();
    await eventually(() => held.length === 2);
    held[1]?.();
    await again;
  });

  test("client.md 17: recovery and reconnect do not read the cache", async () => {
    const mounted = await mount();
    const states: string[] = [];
    mounted.state.subscribe(() => states.push(`${mounted.state.current.status} ${mounted.state.current.fromCache}`));
    world.server.push("patch", { type: "patch", root_id: ROOT, base_version: 7, version: 8, ops: [], stream_ops: [] });
    await eventually(() => states.at(-1) === "live false" && states.length > 1);
    world.server.cut();
    await eventually(() => states.includes("stale false"));
    await eventually(() => states.at(-1) === "live false");
    expect(states.filter((state) => state.endsWith("true"))).toEqual([]);
    expect(persister.calls.filter((call) => call === "get")).toHaveLength(1);
  });

  test("client.md 17: two connections with one persister share what is kept", async () => {
    await visited();
    holdMounts();
    const page = await mount({ persister }, await world.connect());
    const other = await mount({ persister });
    expect([page.state.current.fromCache, other.state.current.fromCache]).toEqual([true, true]);
    expect(page.store.snapshot()).toEqual(other.store.snapshot());
  });

  test("client.md 17: a state that comes from a slow persister after the server's is not shown", async () => {
    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    const mounted = await mount({ persister: slow });
    answer(recordOf({ title: "late" }));
    await turn();
    expect(titleOf(mounted)).toBe("first");
    expect(mounted.state.current).toEqual({ status: "live", fromCache: false });
  });

  test("client.md 17: a mount waits for a slow persister or the server, whichever is first", async () => {
    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    holdMounts();
    const mounting = mount({ persister: slow });
    await turn();
    answer(recordOf({ title: "kept" }));
    expect(titleOf(await mounting)).toBe("kept");
  });
});
