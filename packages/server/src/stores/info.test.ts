import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { child, stream } from "./placeholders.js";
import { type } from "./schema.js";
import { ManualClock, StoreServer, turns } from "./store-client.test.util.js";

const stops = new Map<string, () => void>();

const Listener = defineStore("Test.Listener", {
  mount: (ctx) => {
    ctx.subscribe("news", "heard");
    return { heard: [] as readonly unknown[] };
  },
  render: ({ heard }) => ({ heard }),
  info: {
    heard: (ctx, message) => ctx.assign({ heard: [...ctx.assigns.heard, message] }),
    rejects: (ctx) => ctx.reject("not now"),
    fails: () => {
      throw new Error("info failed");
    },
  },
  commands: {
    send: command((ctx) => {
      ctx.send("heard", "own");
      return { heard: ctx.assigns.heard.length };
    }),
    unknown: command((ctx) => ctx.send("nobody")),
    after: command(v.object({ ms: v.number() }), (ctx, { ms }) => {
      stops.set("after", ctx.sendAfter(ms, "heard", "later"));
    }),
    every: command(v.object({ ms: v.number() }), (ctx, { ms }) => {
      stops.set("every", ctx.sendEvery(ms, "heard", "tick"));
    }),
    subscribe: command((ctx) => {
      stops.set("more", ctx.subscribe("more", "heard"));
    }),
    unsubscribe: command(v.object({ fail: v.boolean() }), (ctx, { fail }) => {
      stops.get("more")?.();
      if (fail) ctx.reject("not now");
    }),
    publish: command((ctx) => ctx.publish("news", `from ${ctx.id}`)),
  },
});

async function listening(): Promise<{
  clock: ManualClock;
  server: StoreServer;
  client: Awaited<ReturnType<StoreServer["connect"]>>;
  root: string;
  heard: () => unknown;
}> {
  const clock = new ManualClock();
  const server = new StoreServer([Listener], { clock });
  const client = await server.connect();
  const root = await client.mount("Test.Listener");
  return { clock, server, client, root, heard: () => (client.tree(root) as unknown as { heard: unknown }).heard };
}

describe("messages to oneself", () => {
  test("send only enqueues: the message runs after this one, in an envelope of its own", async () => {
    const { client, root, heard } = await listening();
    expect((await client.command(root, "send")).response).toEqual({ heard: 0 });
    await turns();
    expect(heard()).toEqual(["own"]);
    expect(client.envelopes).toHaveLength(2);
  });

  test("a name without a handler is an error in the sender", async () => {
    const { server, client, root } = await listening();
    expect((await client.command(root, "unknown")).response["code"]).toBe("internal");
    expect(server.log.causes[0]).toContain('no info handler called "nobody"');
  });

  test("the server's send reaches the root of every client that mounted the pair", async () => {
    const { server, client, root, heard } = await listening();
    const other = await server.connect();
    await other.mount("Test.Listener");
    expect(server.registry.send({ module: "Test.Listener", id: "1" }, "heard", "all")).toBe(2);
    expect(server.registry.send({ module: "Test.Listener", id: "2" }, "heard", "all")).toBe(0);
    expect(server.registry.send({ module: "Test.Listener", id: "1" }, "nobody", "all")).toBe(0);
    expect(client.envelopes).toHaveLength(1);
    await turns();
    expect(heard()).toEqual(["all"]);
    expect(other.tree(root)).toMatchObject({ heard: ["all"] });
  });

  test("an info that rejects is logged as a warning, since nobody gets its answer", async () => {
    const { server, client } = await listening();
    server.registry.send({ module: "Test.Listener", id: "1" }, "rejects", null);
    await turns();
    expect(server.log.entries).toMatchObject([{ level: "warn", message: 'the info "rejects" failed' }]);
    expect(client.envelopes).toHaveLength(1);
  });

  test("an info that fails is logged; the root goes on as it was", async () => {
    const { server, heard } = await listening();
    server.registry.send({ module: "Test.Listener", id: "1" }, "fails", null);
    server.registry.send({ module: "Test.Listener", id: "1" }, "heard", "still here");
    await turns();
    expect(server.log.causes).toEqual(["info failed"]);
    expect(heard()).toEqual(["still here"]);
  });
});

describe("subscriptions", () => {
  test("what is published goes to info, and published messages leave when their message has succeeded", async () => {
    const { server, client, root, heard } = await listening();
    server.pubsub.publish("news", "outside");
    await client.command(root, "publish");
    await turns();
    expect(heard()).toEqual(["outside", "from 1"]);
  });

  test("undoing one in a message takes effect with its success only", async () => {
    const { server, client, root, heard } = await listening();
    await client.command(root, "subscribe");
    await client.command(root, "unsubscribe", { fail: true });
    server.pubsub.publish("more", 1);
    await turns();
    await client.command(root, "unsubscribe", { fail: false });
    server.pubsub.publish("more", 2);
    await turns();
    expect(heard()).toEqual([1]);
  });

  test("they end with their store", async () => {
    const { server, client, root } = await listening();
    await client.push("unmount", { root_id: root });
    await turns();
    server.pubsub.publish("news", "nobody");
    await turns();
    expect(server.log.entries).toEqual([]);
    expect(client.envelopes).toHaveLength(1);
  });
});

describe("timers", () => {
  test("sendAfter fires once, sendEvery until undone; a store's end leaves none", async () => {
    const { clock, client, root, heard } = await listening();
    await client.command(root, "after", { ms: 10 });
    await client.command(root, "every", { ms: 4 });
    clock.advance(4);
    await turns();
    clock.advance(4);
    await turns();
    clock.advance(4);
    await turns();
    expect(heard()).toEqual(["tick", "tick", "later", "tick"]);
    stops.get("every")?.();
    expect(clock.pending).toBe(0);
    await client.command(root, "every", { ms: 4 });
    expect(clock.pending).toBe(1);
    await client.push("unmount", { root_id: root });
    await turns();
    expect(clock.pending).toBe(0);
  });

  test("ticks that a busy store missed come as one", async () => {
    const { clock, client, root, heard } = await listening();
    await client.command(root, "every", { ms: 1 });
    clock.advance(50);
    await turns();
    expect(heard()).toEqual(["tick"]);
  });

  test("one that is undone before it fires, or while its message waits, never runs", async () => {
    const { clock, client, root, heard } = await listening();
    await client.command(root, "after", { ms: 10 });
    stops.get("after")?.();
    expect(clock.pending).toBe(0);
    await client.command(root, "after", { ms: 10 });
    clock.advance(10);
    stops.get("after")?.();
    await turns();
    expect(heard()).toEqual([]);
  });

  test.each([[-1], [2 ** 31], [1e300]])("a delay of %d ms is refused", async (ms) => {
    const { server, client, root } = await listening();
    expect((await client.command(root, "after", { ms })).response["code"]).toBe("internal");
    expect(server.log.causes[0]).toContain("a timer waits 0 to 2147483647 ms");
  });
});

describe("streams", () => {
  const Chat = defineStore("Test.Chat", {
    streams: {
      log: { key: (message: { id: string; at: Date }) => message.id, limit: -2 },
      bad: { key: (item: { id: string }) => (item.id === "n" ? (7 as unknown as string) : item.id) },
    },
    mount: (ctx) => {
      ctx.stream("log").insert({ id: "first", at: new Date(0) });
      return {};
    },
    render: () => ({ log: stream("log") }),
    commands: {
      say: command(v.object({ id: v.string(), at: v.optional(v.number()) }), (ctx, { id, at }) => {
        ctx.stream("log").insert({ id, at: new Date(1) }, at === undefined ? {} : { at, limit: null });
      }),
      drop: command(v.object({ id: v.string() }), (ctx, { id }) => ctx.stream("log").delete(id)),
      refill: command((ctx) => {
        ctx.stream("log").reset([
          { id: "x", at: new Date(0) },
          { id: "y", at: new Date(0) },
        ]);
      }),
      wrong: command((ctx) => ctx.stream("bad").insert({ id: "n" })),
      half: command((ctx) => ctx.stream("log").insert({ id: "z", at: new Date(0) }, { at: 0.5 })),
    },
  });

  test("protocol.md 5: inserts carry key, place, item and limit; the initial envelope has those of mount", async () => {
    const client = await new StoreServer([Chat]).connect();
    const root = await client.mount("Test.Chat");
    expect(client.envelopes[0]?.stream_ops).toEqual([
      {
        op: "insert",
        stream: "log",
        ref: expect.any(String) as string,
        store_id: [],
        item_key: "first",
        at: -1,
        item: { id: "first", at: "1970-01-01T00:00:00.000Z" },
        limit: -2,
      },
    ]);
    expect(client.tree(root)).toMatchObject({ log: { __musubi_stream__: "log" } });
    await client.command(root, "say", { id: "b" });
    await client.command(root, "say", { id: "c" });
    await client.command(root, "say", { id: "d", at: 0 });
    await turns();
    expect(client.items(root, "log").map((item) => (item as { id: string }).id)).toEqual(["d", "b", "c"]);
    await client.command(root, "drop", { id: "b" });
    await turns();
    expect(client.envelopes.at(-1)).toMatchObject({ ops: [], stream_ops: [{ op: "delete", item_key: "b" }] });
    await client.command(root, "refill");
    await turns();
    expect(client.items(root, "log").map((item) => (item as { id: string }).id)).toEqual(["x", "y"]);
  });

  test("a key that is no string and a place that is no integer fail the message", async () => {
    const server = new StoreServer([Chat]);
    const client = await server.connect();
    const root = await client.mount("Test.Chat");
    await client.command(root, "wrong");
    await client.command(root, "half");
    expect(server.log.causes).toEqual([
      'the key of an item of the stream "bad" of Test.Chat is a number, not a string',
      'the stream "log" of Test.Chat: "at" and "limit" are integers, "limit" may be null',
    ]);
    expect(client.envelopes).toHaveLength(1);
  });

  test("ops of a child that leaves in the same message are not sent", async () => {
    const Leaf = defineStore("Test.Leaf", {
      params: type<{ onBye: () => void }>(),
      streams: { log: { key: (item: { id: string }) => item.id } },
      mount: () => ({}),
      render: () => ({ log: stream("log") }),
      commands: {
        bye: command((ctx) => {
          ctx.stream("log").insert({ id: "last words" });
          ctx.send("nothing");
          ctx.params.onBye();
        }),
      },
      info: { nothing: () => {} },
    });
    const Parent = defineStore("Test.Parent", {
      mount: () => ({ shown: true }),
      render: ({ shown }, { callback }) =>
        shown ? { leaf: child(Leaf, { id: "leaf", onBye: callback((ctx) => ctx.assign({ shown: false })) }) } : {},
    });
    const server = new StoreServer([Parent]);
    const client = await server.connect();
    const root = await client.mount("Test.Parent");
    expect((await client.command(root, "bye", {}, ["leaf"])).status).toBe("ok");
    await turns();
    expect(client.envelopes).toHaveLength(2);
    expect(client.envelopes[1]).toMatchObject({ ops: [{ op: "remove", path: "/leaf" }], stream_ops: [] });
    expect(client.tree(root)).toEqual({ __musubi_store_id__: [] });
    expect(server.log.entries).toEqual([]);
  });
});
