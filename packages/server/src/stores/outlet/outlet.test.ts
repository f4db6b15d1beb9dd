import { describe, expect, test } from "vitest";
import { systemClock } from "../../clock.js";
import { consoleLogger } from "../../logger.js";
import { UploadService } from "../../uploads/upload-service.js";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { child, upload } from "../placeholders.js";
import { turns } from "../store-client.test.util.js";
import { BEHIND, board, kept, Leaf, run, terminated } from "./outlet-board.test.util.js";

describe("a client whose socket is behind", () => {
  test("rule 2: gets its replies at once, and all that changed in one envelope when its socket has caught up", async () => {
    const { client, root, take, server, slowClients } = await board();
    await run(client, root, "count");
    expect(take().events).toEqual(["ok", "patch"]);
    client.line.unsentBytes = BEHIND;
    for (let n = 2; n <= 5; n++) await run(client, root, "count");
    await run(client, root, "set", { title: "new" });
    expect(take()).toEqual({ events: ["ok", "ok", "ok", "ok", "ok"], envelopes: [] });
    expect(server.registry.inspect()[0]).toMatchObject({ isHolding: true, version: 2 });
    client.line.drain();
    expect(take().envelopes).toEqual([
      {
        type: "patch",
        root_id: root,
        base_version: 2,
        version: 3,
        ops: [
          { op: "replace", path: "/count", value: 5 },
          { op: "replace", path: "/title", value: "new" },
        ],
        stream_ops: [],
      },
    ]);
    expect(server.registry.inspect()[0]).toMatchObject({ isHolding: false, version: 3 });
    expect(slowClients).toMatchObject({ conflated: 1, remounted: 0 });
    // And then goes on as before.
    await run(client, root, "count");
    expect(take().envelopes).toMatchObject([{ base_version: 3, version: 4 }]);
    expect(client.line.waiting).toBe(0);
  });

  test("rule 2: one that is just not behind gets everything as it comes", async () => {
    const { client, root, take } = await board();
    client.line.unsentBytes = 1_000;
    await run(client, root, "count");
    expect(take().envelopes).toHaveLength(1);
    client.line.unsentBytes = 1_001;
    await run(client, root, "count");
    expect(take().envelopes).toHaveLength(0);
  });

  test("rule 2: what comes after something held waits too, though the socket has caught up by then", async () => {
    const { client, root, take } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "row", "first");
    client.line.unsentBytes = 0;
    await run(client, root, "row", "second");
    expect(take().envelopes).toEqual([]);
    client.line.drain();
    expect(take().envelopes.map(({ stream_ops }) => stream_ops.length)).toEqual([2]);
    expect(client.items(root, "rows")).toEqual(["first", "second"]);
  });

  test("rule 2: whose socket is behind again when it has sent what waited, waits on", async () => {
    const { client, root, take } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "count");
    client.line.drain(BEHIND);
    expect(take().envelopes).toEqual([]);
    expect(client.line.waiting).toBe(1);
    client.line.drain();
    expect(take().envelopes).toHaveLength(1);
  });

  test("rule 2: a message that changes nothing holds nothing", async () => {
    const { client, root, server } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "set", { count: 0 });
    expect(server.registry.inspect()[0]).toMatchObject({ isHolding: false });
    expect(client.line.waiting).toBe(0);
  });

  test("rule 3: what is held weighs what differs, however often it changed; what is as before is not sent", async () => {
    const { client, root, take, server, slowClients } = await board();
    client.line.unsentBytes = BEHIND;
    for (let at = 0; at < 500; at++) await client.command(root, "count");
    expect(server.registry.inspect()[0]).toMatchObject({ held: 0, isHolding: true });
    await run(client, root, "set", { count: 0 });
    client.line.drain();
    expect(take().envelopes).toEqual([]);
    expect(slowClients.conflated).toBe(0);
    await run(client, root, "count");
    expect(take().envelopes).toMatchObject([{ base_version: 1, version: 2 }]);
  });
});

describe("what cannot be conflated", () => {
  test("rule 6: stream ops and events come in their order, with a state no older than the one they came with", async () => {
    const { client, root, take } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "row", "a");
    await run(client, root, "toast", "one");
    await run(client, root, "count");
    await run(client, root, "row", "b");
    await run(client, root, "toast", "two");
    client.line.drain();
    const { envelopes } = take();
    expect(envelopes).toHaveLength(1);
    expect(envelopes[0]).toMatchObject({
      ops: [{ path: "/count", value: 1 }],
      stream_ops: [{ item: "a" }, { item: "b" }],
      events: [
        { name: "toast", payload: { text: "one" }, store_id: [] },
        { name: "toast", payload: { text: "two" }, store_id: [] },
      ],
    });
  });

  test("rule 5: a store that came while others were held brings its items; one that also left is never heard of", async () => {
    const { client, root, take } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "set", { ids: ["x", "y"] });
    await client.command(root, "note", "more", ["y"]);
    await run(client, root, "set", { ids: ["y"] });
    await run(client, root, "set", { ids: ["y", "x"] });
    client.line.drain();
    const ops = take().envelopes[0]?.stream_ops.map(({ op, store_id }) => [op, ...store_id]);
    expect(ops).toEqual([
      ["insert", "y"],
      ["insert", "y"],
      ["insert", "x"],
    ]);
    expect(client.items(root, "log", ["y"])).toEqual(["born", "more"]);
  });

  test("rule 5: a store that left and came back as another while held starts empty", async () => {
    const { client, root, take } = await board();
    await run(client, root, "set", { ids: ["x"] });
    await client.command(root, "note", "old", ["x"]);
    expect(client.items(root, "log", ["x"])).toEqual(["born", "old"]);
    take();
    client.line.unsentBytes = BEHIND;
    await client.command(root, "note", "held, of the old one", ["x"]);
    for (let round = 0; round < 3; round++) {
      await run(client, root, "set", { ids: [] });
      await run(client, root, "set", { ids: ["x"] });
    }
    await client.command(root, "note", "new", ["x"]);
    client.line.drain();
    expect(client.items(root, "log", ["x"])).toEqual(["born", "new"]);
    expect(take().envelopes[0]?.stream_ops.map(({ op }) => op)).toEqual(["reset", "insert", "insert"]);
  });

  test("rule 5: so it does when one without streams had its place in between", async () => {
    const Plain = defineStore("Test.Plain", { mount: () => ({}), render: () => ({ plain: true }) });
    const Swap = defineStore("Test.Swap", {
      mount: () => ({ at: 0 }),
      render: ({ at }) => ({ it: at % 2 === 0 ? child(Leaf, { id: "x", tint: "" }) : child(Plain, { id: "x" }) }),
      commands: { swap: command((ctx) => ctx.assign({ at: ctx.assigns.at + 1 })) },
    });
    const { client, root } = await board({}, [Swap]);
    for (const isSlow of [true, false]) {
      await client.command(root, "note", "old", ["x"]);
      expect(client.items(root, "log", ["x"])).toContain("old");
      if (isSlow) client.line.unsentBytes = BEHIND;
      await run(client, root, "swap");
      await run(client, root, "swap");
      client.line.drain();
      expect(client.items(root, "log", ["x"])).toEqual(["born"]);
    }
  });
});

describe("bounds", () => {
  test.each([
    ["maxHeldOps", { maxHeldOps: 10 }, 10],
    ["maxHeldBytes", { maxHeldBytes: 1_000 }, 8],
  ])("rule 8: past %s nothing is held any more, and the root is mounted again", async (_name, limits, atLeast) => {
    const { client, root, take, server, slowClients } = await board(limits);
    client.line.unsentBytes = BEHIND;
    let sent = 0;
    for (; server.registry.inspect()[0]?.held !== 0 || sent === 0; sent++)
      await run(client, root, "row", `row ${sent}`);
    expect(sent).toBeGreaterThanOrEqual(atLeast);
    expect(sent).toBeLessThanOrEqual(atLeast + 5);
    // It still runs for its client, without holding anything.
    expect(await client.command(root, "count")).toEqual({ status: "ok", response: { count: 1 } });
    await run(client, root, "row", "nowhere");
    expect(server.registry.inspect()[0]).toMatchObject({ held: 0, isHolding: true, status: "live" });
    take();
    client.line.drain(BEHIND);
    expect(take().events).toEqual([]);
    client.line.drain();
    await turns();
    expect(client.received.at(-1)).toEqual({
      kind: "push",
      event: "root_down",
      payload: { root_id: root, reason: "overloaded", retry: true },
    });
    await turns();
    expect(terminated).toEqual(["down"]);
    expect(server.registry.inspect()).toEqual([]);
    expect(slowClients).toMatchObject({ conflated: 0, remounted: 1 });
    kept.push("from the database");
    await client.mount("Test.Board");
    expect(client.items(root, "rows")).toEqual(["from the database"]);
    expect(client.tree(root)).toMatchObject({ count: 0 });
  });

  test("rule 8: changes of the tree alone never fill it", async () => {
    const { client, root, server } = await board({ maxHeldOps: 2 });
    client.line.unsentBytes = BEHIND;
    await run(client, root, "row", "a");
    await run(client, root, "row", "b");
    for (let at = 0; at < 50; at++) await run(client, root, "count");
    expect(server.registry.inspect()[0]).toMatchObject({ held: 2 });
    client.line.drain();
    expect(client.tree(root)).toMatchObject({ count: 50 });
    expect(client.items(root, "rows")).toEqual(["a", "b"]);
  });

  test("rule 8: all roots of one socket share a bound; the roots of others do not count", async () => {
    const { client, root, server } = await board({ maxHeldBytesPerSocket: 2_000 });
    const [second, other] = [await client.mount("Test.Board", "2"), await server.connect()];
    const foreign = await other.mount("Test.Board");
    client.line.unsentBytes = BEHIND;
    other.line.unsentBytes = BEHIND;
    const held = (): (number | undefined)[] => server.registry.inspect().map((each) => each.held);
    await run(client, root, "row", "x".repeat(1_990));
    await run(other, foreign, "row", "x".repeat(1_990));
    await run(client, second, "row", "small");
    await run(other, foreign, "count");
    expect(held()).toEqual([1, 1, 1]);
    await run(client, second, "row", "one too many");
    expect(held()).toEqual([1, 1, 0]);
    client.line.drain();
    await turns();
    expect(client.received.at(-1)).toMatchObject({ event: "root_down", payload: { root_id: second } });
    // What has been sent counts no more.
    client.line.unsentBytes = BEHIND;
    await run(client, root, "row", "next");
    await run(client, root, "row", "and next");
    expect(held()).toEqual([2, 1]);
  });

  test("rule 9: one message may be of any size", async () => {
    const { client, root, server } = await board({ maxHeldOps: 10 });
    client.line.unsentBytes = BEHIND;
    await run(client, root, "many", 100);
    expect(server.registry.inspect()[0]).toMatchObject({ held: 100 });
    client.line.drain();
    expect(client.items(root, "rows")).toHaveLength(100);
  });
});

describe("beginnings and ends", () => {
  test("rule 7: an initial envelope is never held", async () => {
    const { client } = await board();
    client.line.unsentBytes = BEHIND;
    const second = await client.mount("Test.Board", "2");
    expect(client.tree(second)).toMatchObject({ count: 0 });
  });

  test("rule 10: a root that goes down sends what is held before it says so", async () => {
    const { client, root, take } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "count");
    await run(client, root, "toast", "last words");
    expect((await client.command(root, "set", { fails: true })).status).toBe("error");
    await turns();
    expect(take().events).toEqual(["ok", "ok", "error", "patch", "root_down"]);
    expect(client.tree(root)).toMatchObject({ count: 1 });
    expect(client.line.waiting).toBe(0);
  });

  test.each(["holding", "overfull"])(
    "rule 10: one that is unmounted while %s sends nothing more, and nobody waits",
    async (state) => {
      const { client, root, take, server } = await board({ maxHeldOps: state === "holding" ? 100 : 1 });
      client.line.unsentBytes = BEHIND;
      for (const row of ["a", "b", "c"]) await run(client, root, "row", row);
      expect(server.registry.inspect()[0]).toMatchObject({ isHolding: true, held: state === "holding" ? 3 : 0 });
      take();
      expect((await client.push("unmount", { root_id: root })).status).toBe("ok");
      expect(client.line.waiting).toBe(0);
      client.line.drain();
      expect(take().events).toEqual(["ok"]);
    },
  );

  test("rule 10: when the socket goes, nobody waits for it", async () => {
    const { client, root, server } = await board();
    client.line.unsentBytes = BEHIND;
    await run(client, root, "count");
    expect(client.line.waiting).toBe(1);
    await client.drop();
    expect(client.line.waiting).toBe(0);
    expect(server.registry.inspect()).toEqual([]);
  });

  test("rule 8: messages that wait when a root is to be mounted again are handled first, and none later", async () => {
    const { client, root, take } = await board({ maxHeldOps: 1 });
    client.line.unsentBytes = BEHIND;
    for (const row of ["a", "b"]) await run(client, root, "row", row);
    take();
    const waiting = [client.command(root, "count"), client.command(root, "count")];
    client.line.drain();
    const late = client.command(root, "count");
    expect(take().events).toEqual([]);
    for (const each of waiting) expect(await each).toMatchObject({ status: "ok" });
    expect(await late).toMatchObject({ status: "error", response: { code: "root_down" } });
    expect(take().events).toEqual(["ok", "ok", "error", "root_down"]);
  });
});

test("rule 5: upload slots of a store that left and came back while held are told anew, empty", async () => {
  const Slot = defineStore("Test.Slot", {
    uploads: { file: { accept: [".txt"] } },
    mount: () => ({}),
    render: () => ({ file: upload("file") }),
  });
  const Slots = defineStore("Test.Slots", {
    mount: () => ({ has: true }),
    render: ({ has }) => ({ slot: has ? child(Slot, { id: "s" }) : null }),
    commands: { flip: command((ctx) => ctx.assign({ has: !ctx.assigns.has })) },
  });
  const uploads = new UploadService({}, systemClock, consoleLogger);
  const { client, root, take } = await board({}, [Slots], uploads);
  client.line.unsentBytes = BEHIND;
  await run(client, root, "flip");
  await run(client, root, "flip");
  client.line.drain();
  expect(take().envelopes[0]?.upload_ops?.map(({ op }) => op)).toEqual(["reset", "config"]);
  await client.drop();
  await uploads.close();
});
