import { describe, expect, test } from "vitest";
import { type CachePersister, createMemoryPersister, storeCacheKey } from "../index.js";
import { recordOf, turn } from "./cache-setup.test.util.js";
import { world, connection, persister, mount, kept, holdMounts, visited } from "./cached-list.test.util.js";

describe("clearStoreCache", () => {
  const roots = [
    { module: "List", id: "1", params: {} },
    { module: "List", id: "1", params: { page: 1 } },
    { module: "List", id: "12", params: {} },
    { module: "List.Row", id: "1", params: {} },
  ];
  const cases = [
    { target: undefined, left: [] },
    { target: {}, left: [] },
    { target: { module: "List" }, left: [3] },
    { target: { module: "List", id: "1" }, left: [2, 3] },
    { target: { module: "List", id: "1", params: { page: 1 } }, left: [0, 2, 3] },
    { target: { module: "List", id: "1", params: {} }, left: [1, 2, 3] },
    { target: { module: "Nope" }, left: [0, 1, 2, 3] },
  ];
  test.each(cases)("client.md: clears $target and nothing else", async ({ target, left }) => {
    await mount({ persister });
    for (const root of roots) void persister.set(storeCacheKey(root), recordOf({}));
    await connection.clearStoreCache(target);
    expect(roots.flatMap((root, at) => (persister.get(storeCacheKey(root)) === undefined ? [] : [at]))).toEqual(left);
  });

  test("client.md: what was still to be saved is dropped, and nothing that was being read is shown", async () => {
    const mounted = await mount();
    await connection.clearStoreCache();
    await world.end(mounted);
    expect(kept()).toBeUndefined();

    let answer = (_record: unknown): void => {};
    const slow: CachePersister = { ...persister, get: () => new Promise((resolve) => (answer = resolve)) };
    holdMounts();
    const opened = connection.openRoot({ module: "List", id: "1", cache: { persister: slow } });
    await connection.clearStoreCache({ module: "List" });
    answer(recordOf({ title: "cleared" }));
    await turn();
    expect(opened.state.current.fromCache).toBe(false);
  });

  test("client.md: clears the persisters of this connection only", async () => {
    const other = createMemoryPersister();
    await visited();
    await mount({ persister: other }, await world.connect());
    world.clock.advance(1_000);
    await connection.clearStoreCache();
    expect(kept()).toBeUndefined();
    expect(Array.from(await other.keys())).toHaveLength(1);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["never answers", () => new Promise<never>(() => {})],
  ])("client.md: never rejects, and warns of a persister whose keys() %s", async (_what, keys) => {
    await mount({ persister: { ...persister, keys } });
    const cleared = connection.clearStoreCache();
    await turn();
    world.clock.advance(3_000);
    await cleared;
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
  });

  test("client.md 7: a disconnect ends the wait for a persister that never answers, and its timer", async () => {
    await mount({ persister: { ...persister, keys: () => new Promise<never>(() => {}) } });
    const cleared = connection.clearStoreCache();
    await turn();
    await connection.disconnect();
    expect(world.clock.pending).toBe(0);
    await cleared;
    expect(world.logger.warn).toHaveBeenCalledTimes(1);
  });
});
