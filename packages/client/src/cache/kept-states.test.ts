import { eventually, type ReceivedMessage } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import { storeCacheKey } from "../index.js";
import { cachedAs, recordOf } from "./cache-setup.test.util.js";
import {
  ROOT,
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
} from "./cached-list.test.util.js";

describe("what is kept", () => {
  test("client.md 17: at most one save a second while live, of the last state", async () => {
    const mounted = await mount();
    for (let n = 0; n < 10; n++) world.server.patch(ROOT, [{ op: "replace", path: "/title", value: `t${n}` }]);
    await eventually(() => titleOf(mounted) === "t9");
    world.clock.advance(999);
    expect(persister.calls).toEqual(["get"]);
    world.clock.advance(1);
    expect(persister.calls).toEqual(["get", "set"]);
    expect(kept()?.tree).toMatchObject({ title: "t9" });
    world.clock.advance(10_000);
    expect(persister.calls.filter((call) => call === "set")).toHaveLength(1);
  });

  test("client.md 17: a drop and the end of the root save what was not saved yet, at once", async () => {
    const mounted = await mount();
    world.server.accepting = false;
    world.server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    expect(kept()?.tree).toMatchObject({ title: "first" });
    titled("second");
    world.server.accepting = true;
    await eventually(() => mounted.state.current.status === "live");
    await world.end(mounted);
    expect(kept()?.tree).toMatchObject({ title: "second" });
  });

  test("client.md 17: what commands are expected to do is never kept, only what the server has", async () => {
    const asked: ReceivedMessage[] = [];
    world.server.intercept("command", (message) => asked.push(message));
    const mounted = await mount();
    const optimistic = (state: unknown) => ({ ...(state as object), title: "hoped for" });
    const command = (mounted.store as unknown as Commands).dispatchCommand("rename", {}, { optimistic });
    expect(titleOf(mounted)).toBe("hoped for");
    world.clock.advance(1_000);
    expect(kept()?.tree).toMatchObject({ title: "first" });
    await eventually(() => asked.length === 1);
    world.server.reply(asked[0] as ReceivedMessage, "error", { reason: "no" });
    await expect(command).rejects.toMatchObject({ code: "no" });
  });

  test("client.md 17: uploads are not kept, and a record is plain JSON", async () => {
    await visited();
    const record = kept();
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    expect(record).toMatchObject({
      format: 1,
      buster: "",
      streams: [{ store_id: [], stream: "log", keys: ["1", "2"], items: [{ text: "one" }, { text: "two" }] }],
    });
  });

  test("client.md 17: a record that is older than gcTime is neither used nor kept, however long gcTime is", async () => {
    const ages = [
      { gcTime: undefined, age: 300_000, isUsed: true },
      { gcTime: undefined, age: 300_001, isUsed: false },
      { gcTime: 10, age: 11, isUsed: false },
      { gcTime: 2 ** 32, age: 2 ** 32, isUsed: true },
      { gcTime: 2 ** 32, age: 2 ** 32 + 1, isUsed: false },
      { gcTime: Number.POSITIVE_INFINITY, age: 1e12, isUsed: true },
      // A clock that was set back by more than gcTime.
      { gcTime: 10, age: -11, isUsed: false },
    ];
    const held = holdMounts();
    for (const [at, { gcTime, age, isUsed }] of ages.entries()) {
      const root = { module: "List", id: `age ${at}` };
      const options = cachedAs(root, recordOf({ title: "old" }, { savedAt: world.clock.now() - age }));
      const opened = connection.openRoot({ ...root, cache: gcTime === undefined ? options : { ...options, gcTime } });
      expect(opened.state.current.fromCache, JSON.stringify(ages[at])).toBe(isUsed);
      expect(options.persister.get(storeCacheKey(root)) !== undefined, JSON.stringify(ages[at])).toBe(isUsed);
      opened.release();
    }
    await eventually(() => held.length === ages.length);
    expect(world.logger.warn).not.toHaveBeenCalled();
  });

  test("client.md 17: a record of another buster is neither used nor kept", async () => {
    await visited({ persister, buster: "v1" });
    holdMounts();
    const same = connection.openRoot({ module: "List", id: "1", cache: { persister, buster: "v1" } });
    expect(same.state.current.fromCache).toBe(true);
    const other = (await world.connect()).openRoot({ module: "List", id: "1", cache: { persister, buster: "v2" } });
    expect(other.state.current.fromCache).toBe(false);
    expect(kept()).toBeUndefined();
  });
});
