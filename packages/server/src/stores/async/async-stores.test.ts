import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { child } from "../placeholders.js";
import { type } from "../schema.js";
import { ManualClock, type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import { AsyncValue } from "./async-value.js";
import { asynchronous, load, loads, settle } from "./loads.test.util.js";

let client: StoreClient;
let root: string;
const field = (name: string): unknown => (client.tree(root) as Record<string, unknown>)[name];

beforeEach(() => {
  loads.length = 0;
});

describe("an async value in a store", () => {
  const Part = defineStore("Test.Part", {
    mount: (ctx) => ({ data: ctx.assignAsync("data", (signal) => load<string>(signal)) }),
    render: ({ data }) => ({ data }),
  });
  const Whole = defineStore("Test.Whole", {
    mount: () => ({ shown: ["a", "b"] as readonly string[] }),
    render: ({ shown }) => ({ parts: shown.map((id) => child(Part, { id })) }),
    commands: {
      show: command(v.object({ ids: v.array(v.string()) }), (ctx, { ids }) => ctx.assign({ shown: ids })),
    },
  });

  test("rule 9: whose store leaves is aborted; one that stays in the tree goes on", async () => {
    client = await new StoreServer([Whole]).connect();
    root = await client.mount("Test.Whole");
    await client.command(root, "show", { ids: ["b"] });
    await turns();
    expect(loads.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await settle(0, "stale");
    await settle(1, "here");
    expect(field("parts")).toMatchObject([{ data: { status: "ok", result: "here" } }]);
    await client.command(root, "show", { ids: ["a", "b"] });
    await turns();
    expect(field("parts")).toMatchObject([{ data: { status: "loading", result: null } }, { data: { status: "ok" } }]);
  });

  test("rule 1: that mount does not return is an assign all the same, and costs no second render", async () => {
    const Silent = defineStore("Test.Silent", {
      mount: async (ctx) => {
        ctx.assignAsync("data", (signal) => load<string>(signal));
        await Promise.resolve();
        return { note: "" };
      },
      render: (assigns) => ({ note: assigns.note, data: (assigns as { data?: AsyncValue<string> }).data }),
    });
    const silent = new StoreServer([Silent]);
    client = await silent.connect();
    root = await client.mount("Test.Silent");
    expect(field("data")).toEqual(asynchronous("loading"));
    expect(silent.registry.inspect()[0]?.counts.renders).toBe(1);
    await settle(0, "here");
    expect(field("data")).toEqual(asynchronous("ok", "here"));
  });

  test("rule 9: what a store starts in the message that takes it out never begins", async () => {
    const Leaver = defineStore("Test.Leaver", {
      params: type<{ onLeave: () => void }>(),
      mount: () => ({ data: AsyncValue.loading<string>() }),
      render: ({ data }) => ({ data }),
      commands: {
        leave: command((ctx) => {
          ctx.assignAsync("data", (signal) => load<string>(signal));
          ctx.params.onLeave();
        }),
      },
    });
    const Holder = defineStore("Test.Holder", {
      mount: () => ({ shown: true }),
      render: ({ shown }, { callback }) =>
        shown ? { kid: child(Leaver, { id: "kid", onLeave: callback((ctx) => ctx.assign({ shown: false })) }) } : {},
    });
    const clock = new ManualClock();
    const leaving = new StoreServer([Holder], { clock });
    client = await leaving.connect();
    root = await client.mount("Test.Holder");
    loads.length = 0;
    const { pending } = clock;
    expect((await client.command(root, "leave", {}, ["kid"])).status).toBe("ok");
    await turns();
    expect([loads.length, clock.pending, leaving.registry.inspect()[0]?.async]).toEqual([0, pending, 0]);
  });

  test("rule 10: no more run at once than a root may; the others wait in order", async () => {
    const small = new StoreServer([Whole], { maxAsync: 2 });
    client = await small.connect();
    root = await client.mount("Test.Whole");
    await client.command(root, "show", { ids: ["a", "b", "c", "d", "e"] });
    await turns();
    expect(loads).toHaveLength(2);
    expect(small.registry.inspect()[0]?.async).toBe(5);
    await settle(0, "first");
    expect(loads).toHaveLength(3);
    // One that waits leaves without ever having run.
    await client.command(root, "show", { ids: ["a", "b", "c", "e"] });
    await settle(1, "second");
    await settle(2, "third");
    await settle(3, "last");
    expect(loads).toHaveLength(4);
    expect(field("parts")).toMatchObject([0, 1, 2, 3].map(() => ({ data: { status: "ok" } })));
    expect(small.registry.inspect()[0]?.async).toBe(0);
  });

  test("rule 10: past what may wait, the message is answered overloaded", async () => {
    client = await new StoreServer([Whole], { maxAsync: 1, maxMailbox: 2 }).connect();
    root = await client.mount("Test.Whole");
    await client.command(root, "show", { ids: ["a", "b", "c"] });
    await turns();
    const { status, response } = await client.command(root, "show", { ids: ["a", "b", "c", "d"] });
    expect([status, response["code"]]).toEqual(["error", "overloaded"]);
    expect(field("parts")).toHaveLength(3);
  });

  test("rule 11: a result that cannot be shown has failed, and the root goes on", async () => {
    const Wrong = defineStore("Test.Wrong", {
      streams: { log: { key: (item: { id: string }) => item.id } },
      mount: (ctx) => ({ log: ctx.streamAsync("log", (signal) => load<{ id: string }[]>(signal)) }),
      render: ({ log }) => ({ log }),
    });
    const wrong = new StoreServer([Wrong]);
    client = await wrong.connect();
    root = await client.mount("Test.Wrong");
    await settle(0, [{ id: "good" }, { id: 7 }]);
    expect(field("log")).toEqual(asynchronous("failed", null, { reason: "internal", code: "internal" }));
    expect(client.items(root, "log")).toEqual([]);
    expect(wrong.log.causes).toEqual([
      'the key of an item of the stream "log" of Test.Wrong is a number, not a string',
    ]);
  });

  test("rule 11: one whose children cannot mount has failed too", async () => {
    const Broken = defineStore("Test.Broken", {
      mount: () => {
        throw new Error("no child");
      },
      render: () => ({}),
    });
    const Holder = defineStore("Test.Holder", {
      mount: (ctx) => ({ names: ctx.assignAsync("names", (signal) => load<string[]>(signal)) }),
      render: ({ names }) => ({ kids: names.map((all) => all.map((id) => child(Broken, { id }))) }),
    });
    client = await new StoreServer([Holder]).connect();
    root = await client.mount("Test.Holder");
    await settle(0, ["a"]);
    expect(field("kids")).toEqual(asynchronous("failed", null, { reason: "internal", code: "internal" }));
  });

  test("a mapped value may hold child stores, which mount with it", async () => {
    const Kid = defineStore("Test.Kid", { mount: () => ({ ok: true }), render: ({ ok }) => ({ ok }) });
    const Holder = defineStore("Test.Holder", {
      mount: (ctx) => ({ names: ctx.assignAsync("names", (signal) => load<string[]>(signal)) }),
      render: ({ names }) => ({ kids: names.map((all) => all.map((id) => child(Kid, { id }))) }),
    });
    client = await new StoreServer([Holder]).connect();
    root = await client.mount("Test.Holder");
    await settle(0, ["a", "b"]);
    expect(field("kids")).toEqual(
      asynchronous(
        "ok",
        ["a", "b"].map((id) => ({ __musubi_store_id__: [id], ok: true })),
      ),
    );
  });

  test("an async value outside of what render returns is refused, and so is its key anywhere", async () => {
    const Odd = defineStore("Test.Odd", {
      mount: (ctx) => ({ data: ctx.assignAsync("data", (signal) => load<string>(signal)) }),
      render: (assigns) => ({ fine: "data" in assigns }),
      commands: { reply: command((ctx) => ({ data: ctx.assigns.data })) },
    });
    const odd = new StoreServer([Odd]);
    client = await odd.connect();
    root = await client.mount("Test.Odd");
    expect((await client.command(root, "reply")).response["code"]).toBe("internal");
    expect(odd.log.causes[0]).toContain("reserved");
    const Forged = defineStore("Test.Forged", {
      mount: () => ({ data: { __musubi_async__: true, status: "ok", result: 1, reason: null } }),
      render: ({ data }) => ({ data }),
    });
    const refusing = await new StoreServer([Forged]).connect();
    await expect(refusing.mount("Test.Forged")).rejects.toThrow("render_failed");
  });
});
