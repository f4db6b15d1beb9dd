import { MusubiError } from "@musubi/protocol";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { stream } from "./placeholders.js";
import { Rejection } from "./rejection.js";
import { type } from "./schema.js";
import { ManualClock, type Received, StoreServer, turns } from "./store-client.test.util.js";

/** What was received, in short: `ok`/`error` for replies, versions for envelopes, names for the rest. */
function outline(received: readonly Received[]): string[] {
  return received.map((each) => {
    if (each.kind === "reply") return each.status;
    return each.event === "patch" ? `v${each.payload["version"] as number}` : each.event;
  });
}

const Plain = defineStore("Test.Plain", {
  mount: () => ({ count: 0, hidden: 0 }),
  render: ({ count }) => ({ count }),
  events: { beep: type<number>() },
  commands: {
    step: command(v.object({ to: v.number() }), (ctx, { to }) => ctx.assign({ count: to })),
    hide: command((ctx) => ctx.assign({ hidden: ctx.assigns.hidden + 1 })),
    beep: command((ctx) => ctx.pushEvent("beep", 1)),
    twice: command((ctx) => {
      ctx.assign({ count: 7 });
      ctx.assign({ count: 8 });
      return { seen: ctx.assigns.count };
    }),
  },
});

describe("one cycle", () => {
  test("server.md: the reply comes first, the envelope after it, and versions have no gap", async () => {
    const client = await new StoreServer([Plain]).connect();
    const root = await client.mount("Test.Plain");
    const from = client.received.length;
    for (let to = 1; to <= 3; to++) await client.command(root, "step", { to });
    await turns();
    expect(outline(client.received.slice(from))).toEqual(["ok", "v2", "ok", "v3", "ok", "v4"]);
    expect(client.envelopes.at(-1)?.ops).toEqual([{ op: "replace", path: "/count", value: 3 }]);
  });

  test("protocol.md 3: a message that changes nothing that is seen sends no envelope", async () => {
    const client = await new StoreServer([Plain]).connect();
    const root = await client.mount("Test.Plain");
    await client.command(root, "hide");
    await client.command(root, "step", { to: 0 });
    await turns();
    expect(client.envelopes).toHaveLength(1);
    expect(client.received.filter(({ kind }) => kind === "reply")).toHaveLength(4);
  });

  test("protocol.md 3 and 7: events alone take a version, and name the store that emitted them", async () => {
    const client = await new StoreServer([Plain]).connect();
    const root = await client.mount("Test.Plain");
    await client.command(root, "beep");
    await turns();
    expect(client.envelopes.at(-1)).toEqual({
      type: "patch",
      root_id: root,
      base_version: 1,
      version: 2,
      ops: [],
      stream_ops: [],
      events: [{ name: "beep", payload: 1, store_id: [] }],
    });
  });

  test("several assigns of one message are one render and one envelope, and are seen at once", async () => {
    const server = new StoreServer([Plain]);
    const client = await server.connect();
    const root = await client.mount("Test.Plain");
    expect((await client.command(root, "twice")).response).toEqual({ seen: 8 });
    await turns();
    expect(client.envelopes).toHaveLength(2);
    expect(server.registry.inspect()[0]).toMatchObject({ version: 2, counts: { renders: 2 } });
  });

  test("a handler that returns nothing is answered {}; dates and undefined go as in JSON", async () => {
    const Replies = defineStore("Test.Replies", {
      mount: () => ({}),
      render: () => ({}),
      commands: {
        nothing: command(() => {}),
        dated: command(() => ({ at: new Date(0), gone: undefined })),
        list: command(() => [1]),
        big: command(() => ({ n: 1n })),
      },
    });
    const server = new StoreServer([Replies]);
    const client = await server.connect();
    const root = await client.mount("Test.Replies");
    expect((await client.command(root, "nothing")).response).toEqual({});
    expect((await client.command(root, "dated")).response).toEqual({ at: "1970-01-01T00:00:00.000Z" });
    expect((await client.command(root, "list")).response).toEqual({ reason: "internal", code: "internal" });
    expect((await client.command(root, "big")).response).toEqual({ reason: "internal", code: "internal" });
    expect(server.log.causes[1]).toContain("Test.Replies.n: a bigint");
  });
});

describe("a handler that fails", () => {
  const Failing = (fail: () => unknown) =>
    defineStore("Test.Failing", {
      mount: () => ({ count: 0, told: 0 }),
      render: ({ count, told }) => ({ count, told, log: stream("log") }),
      streams: { log: { key: (item: { id: string }) => item.id } },
      events: { beep: type<number>() },
      info: { told: (ctx) => ctx.assign({ told: ctx.assigns.told + 1 }) },
      commands: {
        fail: command(async (ctx) => {
          ctx.assign({ count: 99 });
          ctx.stream("log").insert({ id: "a" });
          ctx.pushEvent("beep", 1);
          ctx.subscribe("news", "told");
          ctx.send("told");
          ctx.sendAfter(5, "told");
          ctx.publish("elsewhere", "said");
          await Promise.resolve();
          await fail();
        }),
        read: command((ctx) => ({ count: ctx.assigns.count })),
      },
    });

  test("server.md: it is answered without internals, its cause is logged, and all it did is discarded", async () => {
    const clock = new ManualClock();
    const store = Failing(() => {
      throw new Error("password=hunter2");
    });
    const server = new StoreServer([store], { clock });
    const said: unknown[] = [];
    server.pubsub.subscribe("elsewhere", (message) => said.push(message));
    const client = await server.connect();
    const root = await client.mount("Test.Failing");
    const reply = await client.command(root, "fail");
    expect(reply).toEqual({ status: "error", response: { reason: "internal", code: "internal" } });
    expect(server.log.causes).toEqual(["password=hunter2"]);
    clock.advance(10);
    server.pubsub.publish("news", 1);
    await turns();
    expect((await client.command(root, "read")).response).toEqual({ count: 0 });
    expect(client.envelopes).toHaveLength(1);
    expect(said).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("a rejection is the app's own answer: its reason and details, nothing logged, all discarded", async () => {
    const store = Failing(() => {
      throw new Rejection("sold_out", { left: 0, at: new Date(0) });
    });
    const server = new StoreServer([store]);
    const client = await server.connect();
    const root = await client.mount("Test.Failing");
    expect(await client.command(root, "fail")).toEqual({
      status: "error",
      response: { reason: "sold_out", left: 0, at: "1970-01-01T00:00:00.000Z" },
    });
    expect((await client.command(root, "read")).response).toEqual({ count: 0 });
    expect(server.log.entries).toEqual([]);
  });

  test("an error of ours that the app's code threw is the app's failure, whatever its code", async () => {
    const store = Failing(() => {
      throw new MusubiError("timeout", "somebody else's");
    });
    const server = new StoreServer([store]);
    const client = await server.connect();
    const root = await client.mount("Test.Failing");
    expect((await client.command(root, "fail")).response).toEqual({ reason: "internal", code: "internal" });
  });

  test("ctx.reject answers like a thrown rejection", async () => {
    const Rejecting = defineStore("Test.Rejecting", {
      mount: () => ({}),
      render: () => ({}),
      commands: { no: command((ctx) => ctx.reject("closed", { until: 9 })) },
    });
    const client = await new StoreServer([Rejecting]).connect();
    const root = await client.mount("Test.Rejecting");
    expect(await client.command(root, "no")).toEqual({ status: "error", response: { reason: "closed", until: 9 } });
  });
});
