import { eventually } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import { dehydrateStore } from "../index.js";
import { mountConnectionRoot, openConnectionState, readStream, readTree } from "../runtime.js";
import { cachedAs, recordOf } from "./cache-setup.test.util.js";
import {
  ROOT,
  fields,
  insert,
  world,
  connection,
  persister,
  mount,
  titleOf,
  holdMounts,
  readLog,
} from "./cached-list.test.util.js";

describe("initialData", () => {
  const identity = { module: "List", id: "1" };

  test("client.md 17: is readable right after mountConnectionRoot has returned", () => {
    const { connection: engine } = openConnectionState(world.server.createSocket(), world);
    const initialData = recordOf(fields("from the server"), {
      savedAt: 5,
      streams: [{ store_id: [], stream: "log", keys: ["1"], items: [{ text: "one" }] }],
    });
    const { connection: root } = mountConnectionRoot(engine, { ...identity, cache: { initialData } });
    expect(readTree(root)).toMatchObject({ title: "from the server" });
    expect(readStream(root, [], "log")).toEqual([{ text: "one" }]);
    expect(root.state.current).toEqual({ status: "stale", fromCache: true });
    engine.release();
  });

  test.each([
    { savedAt: 999_999, shown: "initial" },
    { savedAt: 1_000_000, shown: "initial" },
    { savedAt: 1_000_001, shown: "kept" },
  ])(
    "client.md 17: the newer of initialData and the persister's record is shown (kept at $savedAt)",
    async ({ savedAt, shown }) => {
      holdMounts();
      const options = cachedAs(identity, recordOf({ title: "kept" }, { savedAt }));
      const mounted = await mount({ ...options, initialData: recordOf({ title: "initial" }) });
      expect(titleOf(mounted)).toBe(shown);
    },
  );

  test("client.md 17: of another buster, or malformed, it is not shown, with one warning", async () => {
    holdMounts();
    const cases = [recordOf({}, { buster: "v1" }), { format: 2 }, recordOf({}, { tree: [] as never }), "x"];
    for (const [at, initialData] of cases.entries()) {
      const cache = { persister, initialData: initialData as never };
      const opened = connection.openRoot({ module: "List", id: `bad ${at}`, cache });
      expect(opened.state.current).toEqual({ status: "loading", fromCache: false });
      expect(world.logger.warn).toHaveBeenCalledTimes(at + 1);
    }
  });

  test("client.md 17: a root that is live already, or gone, does not show it", async () => {
    const live = await mount(undefined);
    await mount({ initialData: recordOf({ title: "initial" }, { savedAt: 2_000_000 }) });
    expect(titleOf(live)).toBe("first");
    expect(live.state.current).toEqual({ status: "live", fromCache: false });
    await connection.disconnect();
    const gone = connection.openRoot({ ...identity, cache: { initialData: recordOf({ title: "initial" }) } });
    await expect(gone.ready).rejects.toMatchObject({ code: "disconnected" });
    expect(gone.store.snapshot()).toBeUndefined();
  });

  test("client.md 17: dehydrateStore makes it, of the server's own state only", async () => {
    const mounted = await mount();
    world.server.patch(ROOT, [], { stream_ops: [insert("1", "one")] });
    await eventually(() => readLog(mounted).length === 1);
    const initialData = JSON.parse(JSON.stringify(dehydrateStore(mounted.store))) as ReturnType<typeof recordOf>;
    holdMounts();
    const page = await mount({ initialData }, await world.connect());
    expect(page.store.snapshot()).toEqual(mounted.store.snapshot());
    expect(dehydrateStore(page.store)).toBeUndefined();
    expect(dehydrateStore(mounted.store, { buster: "v3" })?.buster).toBe("v3");
  });
});
