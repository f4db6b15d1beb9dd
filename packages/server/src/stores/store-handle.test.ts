import { describe, expect, test } from "vitest";
import { AsyncValue } from "./async/async-value.js";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { stream } from "./placeholders.js";
import { type } from "./schema.js";
import { StoreServer, turns } from "./store-client.test.util.js";

describe("contexts", () => {
  test("every member that acts is dead after its message: stale_context", async () => {
    let leaked: Record<string, (...args: unknown[]) => unknown> = {};
    const Leaky = defineStore("Test.Leaky", {
      mount: () => ({ count: 0, later: AsyncValue.loading<number>() }),
      render: () => ({ log: stream("log") }),
      streams: { log: { key: (item: { id: string }) => item.id } },
      events: { beep: type<number>() },
      info: { tick: () => {} },
      async: { tick: () => {} },
      commands: {
        leak: command((ctx) => {
          const log = ctx.stream("log");
          leaked = {
            assign: () => ctx.assign({ count: 1 }),
            assigns: () => ctx.assigns,
            params: () => ctx.params,
            stream: () => ctx.stream("log"),
            insert: () => log.insert({ id: "x" }),
            delete: () => log.delete("x"),
            reset: () => log.reset(),
            pushEvent: () => ctx.pushEvent("beep", 1),
            send: () => ctx.send("tick"),
            sendAfter: () => ctx.sendAfter(1, "tick"),
            sendEvery: () => ctx.sendEvery(1, "tick"),
            subscribe: () => ctx.subscribe("topic", "tick"),
            publish: () => ctx.publish("topic", 1),
            assignAsync: () => ctx.assignAsync("later", () => 1),
            streamAsync: () => ctx.streamAsync("log", () => []),
            startAsync: () => ctx.startAsync("tick", () => 1),
            cancelAsync: () => ctx.cancelAsync("later"),
            sendUpdate: () => ctx.sendUpdate([], { count: 1 }),
          };
        }),
      },
    });
    const client = await new StoreServer([Leaky]).connect();
    const root = await client.mount("Test.Leaky");
    await client.command(root, "leak");
    expect(Object.keys(leaked)).toHaveLength(18);
    for (const [name, call] of Object.entries(leaked)) {
      expect(call, name).toThrow(expect.objectContaining({ code: "stale_context" }));
    }
    await turns();
    expect(client.envelopes).toHaveLength(1);
  });

  test("assigns are frozen in development, deep, but for what is no plain data", async () => {
    const kept = new Map([["a", 1]]);
    const Frozen = defineStore("Test.Frozen", {
      mount: () => ({ rows: [{ n: 1 }], kept }),
      render: ({ rows }) => ({ rows }),
      commands: {
        inPlace: command((ctx) => {
          (ctx.assigns.rows[0] as { n: number }).n = 2;
        }),
        map: command((ctx) => void ctx.assigns.kept.set("b", 2)),
      },
    });
    const server = new StoreServer([Frozen]);
    const client = await server.connect();
    const root = await client.mount("Test.Frozen");
    expect((await client.command(root, "inPlace")).response).toEqual({ reason: "internal", code: "internal" });
    expect(server.log.causes[0]).toContain("read only");
    expect((await client.command(root, "map")).status).toBe("ok");
    const loose = await new StoreServer([Frozen], { freeze: false }).connect();
    expect((await loose.command(await loose.mount("Test.Frozen"), "inPlace")).status).toBe("ok");
  });

  test("ctx.user is what the connect hook returned", async () => {
    const Who = defineStore("Test.Who", { mount: (ctx) => ({ user: ctx.user }), render: ({ user }) => ({ user }) });
    const client = await new StoreServer([Who]).connect({ name: "ada" });
    expect(client.tree(await client.mount("Test.Who"))).toMatchObject({ user: { name: "ada" } });
  });
});
