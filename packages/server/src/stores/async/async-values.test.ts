import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { child, stream } from "../placeholders.js";
import { Rejection } from "../rejection.js";
import { type } from "../schema.js";
import { type Gate, gate, ManualClock, type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import { AsyncValue } from "./async-value.js";

/** The loads that the stores below have begun, in order. */
let loads: (Gate<unknown> & { readonly signal: AbortSignal })[];
const load = <T>(signal: AbortSignal): Promise<T> => {
  const started = gate<unknown>();
  loads.push({ ...started, signal });
  return started.promise as Promise<T>;
};

interface Profile {
  readonly name: string;
}

const Page = defineStore("Test.Page", {
  mount: (ctx) => ({
    note: "",
    profile: ctx.assignAsync("profile", (signal) => load<Profile>(signal), { timeoutMs: 100 }),
    ...ctx.assignAsync(["plan", "seats"], (signal) => load<{ plan: string; seats: number }>(signal)),
  }),
  render: ({ note, profile, plan, seats }) => ({ note, profile, plan, seats }),
  commands: {
    reload: command(v.object({ reset: v.optional(v.boolean(), false) }), (ctx, { reset }) => {
      ctx.assignAsync("profile", (signal) => load<Profile>(signal), { reset, timeoutMs: 100 });
    }),
    twice: command((ctx) => {
      ctx.assignAsync("profile", (signal) => load<Profile>(signal));
      ctx.assignAsync("profile", (signal) => load<Profile>(signal));
    }),
    fail: command((ctx) => {
      ctx.assign({ note: "started" });
      ctx.assignAsync("profile", (signal) => load<Profile>(signal));
      ctx.reject("not_now");
    }),
    cancel: command(v.object({ name: v.string() }), (ctx, { name }) => ctx.cancelAsync(name)),
    plan: command((ctx) => ctx.assignAsync("plan", (signal) => load<string>(signal))),
    endless: command((ctx) => ctx.assignAsync("profile", (signal) => load<Profile>(signal), { timeoutMs: null })),
    soon: command(v.object({ ms: v.number() }), (ctx, { ms }) => {
      ctx.assignAsync("profile", (signal) => load<Profile>(signal), { timeoutMs: ms });
    }),
  },
});

let clock: ManualClock;
let server: StoreServer;
let client: StoreClient;
let root: string;
const field = (name = "profile"): unknown => (client.tree(root) as Record<string, unknown>)[name];
const asynchronous = (status: string, result: unknown = null, reason: unknown = null): object => ({
  __musubi_async__: true,
  status,
  result,
  reason,
});
/** Waits for the load of this number and ends it. */
async function settle(at: number, end: unknown): Promise<void> {
  if (end instanceof Error) loads[at]?.fail(end);
  else loads[at]?.open(end);
  await turns();
}

beforeEach(async () => {
  loads = [];
  clock = new ManualClock();
  server = new StoreServer([Page], { clock });
  client = await server.connect();
  root = await client.mount("Test.Page");
});

describe("an async value", () => {
  test("rule 1: is loading in the initial envelope and ok in a later one, as protocol.md 4 has it", async () => {
    expect(client.envelopes[0]?.ops[0]).toMatchObject({ value: { profile: asynchronous("loading") } });
    await settle(0, { name: "ada" });
    expect(client.envelopes).toHaveLength(2);
    expect(client.envelopes[1]?.ops).toEqual([
      { op: "replace", path: "/profile/status", value: "ok" },
      { op: "replace", path: "/profile/result", value: { name: "ada" } },
    ]);
    expect(field()).toEqual(asynchronous("ok", { name: "ada" }));
  });

  test("rule 2: keeps its last good result while it loads anew, and drops it at once with reset", async () => {
    await settle(0, { name: "ada" });
    await client.command(root, "reload");
    await turns();
    expect(field()).toEqual(asynchronous("loading", { name: "ada" }));
    await settle(2, { name: "bea" });
    expect(field()).toEqual(asynchronous("ok", { name: "bea" }));
    await client.command(root, "reload", { reset: true });
    await turns();
    expect(field()).toEqual(asynchronous("loading"));
  });

  test("rule 3: that failed shows a code and keeps its last result; the cause is in the log alone", async () => {
    await settle(0, { name: "ada" });
    await client.command(root, "reload");
    await turns();
    await settle(2, new Error("password of the database"));
    expect(field()).toEqual(asynchronous("failed", { name: "ada" }, { reason: "internal", code: "internal" }));
    expect(JSON.stringify(client.received)).not.toContain("password");
    expect(server.log.causes).toEqual(["password of the database"]);
    expect(server.log.entries[0]).toMatchObject({ message: 'the async value "profile" of Test.Page failed' });
    await client.command(root, "reload");
    await turns();
    expect(field()).toEqual(asynchronous("loading", { name: "ada" }));
  });

  test("rule 3: a rejection's reason and details are the app's own, and no error", async () => {
    await settle(0, new Rejection("no_profile", { advice: "make one" }));
    expect(field()).toEqual(asynchronous("failed", null, { reason: "no_profile", advice: "make one" }));
    expect(server.log.entries).toEqual([]);
  });

  test("rule 4: several assigns come together, and one can be taken over alone", async () => {
    await client.command(root, "plan");
    await turns();
    expect(loads[1]?.signal.aborted).toBe(false);
    await settle(2, "gold");
    await settle(1, { plan: "stale", seats: 3 });
    expect([field("plan"), field("seats")]).toEqual([asynchronous("ok", "gold"), asynchronous("ok", 3)]);
  });

  test("rule 4: a function that leaves one of its keys out has failed", async () => {
    await settle(1, { plan: "gold" });
    expect([field("plan"), field("seats")]).toEqual(
      [1, 2].map(() => asynchronous("failed", null, { reason: "internal", code: "internal" })),
    );
    expect(server.log.causes[0]).toContain('without "seats"');
  });

  test("rule 5: a newer start drops the result of the older one, whichever comes first", async () => {
    await client.command(root, "reload");
    await turns();
    expect(loads[0]?.signal.aborted).toBe(true);
    await settle(2, { name: "new" });
    await settle(0, { name: "stale" });
    expect(field()).toEqual(asynchronous("ok", { name: "new" }));
    await client.command(root, "reload");
    await client.command(root, "reload");
    await turns();
    const { length } = client.envelopes;
    await settle(3, { name: "stale" });
    expect(client.envelopes).toHaveLength(length);
    await settle(4, { name: "newest" });
    expect(field()).toEqual(asynchronous("ok", { name: "newest" }));
  });

  test("rule 5: a result that already waits in the mailbox is dropped by a newer start too", async () => {
    const restart = client.command(root, "reload");
    loads[0]?.open({ name: "stale" });
    await restart;
    await turns();
    expect(field()).toEqual(asynchronous("loading"));
  });

  test("rule 6: a message that fails has started nothing, and what ran goes on", async () => {
    expect((await client.command(root, "fail")).response).toEqual({ reason: "not_now" });
    await turns();
    expect(loads).toHaveLength(2);
    expect(loads[0]?.signal.aborted).toBe(false);
    await settle(0, { name: "ada" });
    expect(field()).toEqual(asynchronous("ok", { name: "ada" }));
  });

  test("rule 6: of two starts in one message the last alone begins", async () => {
    await client.command(root, "twice");
    await turns();
    expect(loads).toHaveLength(3);
    await settle(2, { name: "second" });
    expect(field()).toEqual(asynchronous("ok", { name: "second" }));
  });

  test("rule 7: past its time it has failed with timeout, its signal is aborted, and what still comes is dropped", async () => {
    clock.advance(99);
    expect(loads[0]?.signal.aborted).toBe(false);
    clock.advance(1);
    expect(loads[0]?.signal.reason).toMatchObject({ code: "timeout" });
    await turns();
    expect(field()).toEqual(asynchronous("failed", null, { reason: "timeout", code: "timeout" }));
    await settle(0, { name: "late" });
    expect(client.envelopes).toHaveLength(2);
    expect(server.log.entries).toMatchObject([
      { level: "warn", message: expect.stringContaining('"profile"') as string },
    ]);
  });

  test("rule 7: without a limit of its own it has the handlers'; null has none", async () => {
    clock.advance(29_999);
    await turns();
    expect(field("plan")).toEqual(asynchronous("loading"));
    clock.advance(1);
    await turns();
    expect(field("plan")).toMatchObject({ reason: { reason: "timeout" } });
    await client.command(root, "endless");
    await turns();
    clock.advance(1e9);
    await settle(2, { name: "late" });
    expect(field()).toEqual(asynchronous("ok", { name: "late" }));
    expect(clock.pending).toBe(0);
  });

  test.each([[-1], [2 ** 31], [Number.NaN]])("rule 7: a limit of %d ms is refused", async (ms) => {
    expect((await client.command(root, "soon", { ms: Number.isNaN(ms) ? "NaN" : ms })).status).toBe("error");
  });

  test("rule 8: cancelled, it has failed with that reason at once, and its signal is aborted", async () => {
    await settle(0, { name: "ada" });
    await client.command(root, "reload");
    await client.command(root, "cancel", { name: "profile" });
    await turns();
    expect(field()).toEqual(asynchronous("failed", { name: "ada" }, { reason: "cancelled", code: "cancelled" }));
    expect(loads[2]?.signal.reason).toMatchObject({ code: "cancelled" });
    await settle(2, new Error("aborted"));
    expect(server.log.entries).toMatchObject([{ level: "debug" }]);
    const { length } = client.envelopes;
    await client.command(root, "cancel", { name: "profile" });
    await client.command(root, "cancel", { name: "nothing" });
    await turns();
    expect(client.envelopes).toHaveLength(length);
  });

  test("rule 8: cancelling one of several leaves the others to come", async () => {
    await client.command(root, "cancel", { name: "plan" });
    await turns();
    expect(loads[1]?.signal.aborted).toBe(false);
    await settle(1, { plan: "gold", seats: 2 });
    expect(field("plan")).toMatchObject({ status: "failed" });
    expect(field("seats")).toEqual(asynchronous("ok", 2));
    expect(server.log.causes).toEqual([]);
  });

  test("rule 9: the end of the root aborts what runs and leaves no timer", async () => {
    await client.push("unmount", { root_id: root });
    await turns();
    expect(loads.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(clock.pending).toBe(0);
    const received = client.received.length;
    await settle(0, { name: "late" });
    expect(client.received).toHaveLength(received);
  });
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
    expect(loads.slice(2).map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await settle(2, "stale");
    await settle(3, "here");
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
    await settle(2, "here");
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
    const leaving = new StoreServer([Holder], { clock });
    client = await leaving.connect();
    root = await client.mount("Test.Holder");
    loads = [];
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
    loads = loads.slice(2);
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
    await settle(2, [{ id: "good" }, { id: 7 }]);
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
    await settle(2, ["a"]);
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
    await settle(2, ["a", "b"]);
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

describe("an async stream", () => {
  interface Line {
    readonly id: string;
    readonly n: number;
  }
  type Loaded = readonly Line[] | { items: readonly Line[]; at?: number; reset?: boolean };
  const Feed = defineStore("Test.Feed", {
    streams: { log: { key: (line: Line) => line.id, limit: -4 } },
    mount: (ctx) => ({ log: ctx.streamAsync("log", (signal) => load<Loaded>(signal)) }),
    render: ({ log }) => ({ log, plain: stream("log") }),
    commands: {
      add: command(v.object({ id: v.string() }), (ctx, { id }) => ctx.stream("log").insert({ id, n: 0 })),
      reload: command(v.object({ reset: v.boolean() }), (ctx, { reset }) => {
        ctx.streamAsync("log", (signal) => load<Loaded>(signal), { reset });
      }),
    },
  });
  const marker = { __musubi_stream__: "log" };
  const ids = (): unknown[] => client.items(root, "log").map((item) => (item as unknown as Line).id);

  beforeEach(async () => {
    loads = [];
    client = await new StoreServer([Feed]).connect();
    root = await client.mount("Test.Feed");
  });

  test("rule 12: has no result until its items are there, in one envelope with the stream's marker", async () => {
    expect(field("log")).toEqual(asynchronous("loading"));
    await settle(0, [
      { id: "a", n: 1 },
      { id: "b", n: 2 },
    ]);
    expect(client.envelopes).toHaveLength(2);
    expect(field("log")).toEqual(asynchronous("ok", marker));
    expect(ids()).toEqual(["a", "b"]);
  });

  test("rule 12: items upsert, so that what was inserted meanwhile stays; reset in the result replaces them", async () => {
    await client.command(root, "add", { id: "live" });
    await settle(0, {
      items: [
        { id: "a", n: 1 },
        { id: "b", n: 1 },
      ],
      at: 0,
    });
    expect(ids()).toEqual(["a", "b", "live"]);
    await client.command(root, "reload", { reset: false });
    await turns();
    expect([field("log"), ids()]).toEqual([asynchronous("loading", marker), ["a", "b", "live"]]);
    await settle(1, { items: [{ id: "c", n: 1 }], reset: true });
    expect(ids()).toEqual(["c"]);
  });

  test("rule 12: reset in the call empties the stream and its value at once", async () => {
    await settle(0, [{ id: "a", n: 1 }]);
    await client.command(root, "reload", { reset: true });
    await turns();
    expect([field("log"), ids()]).toEqual([asynchronous("loading"), []]);
    const lines = (...names: string[]): Line[] => names.map((id) => ({ id, n: 1 }));
    await settle(1, { items: lines("b", "c"), at: 3 });
    await client.command(root, "reload", { reset: false });
    await turns();
    await settle(2, { items: lines("d", "e"), at: 1 });
    expect(ids()).toEqual(["b", "d", "e", "c"]);
  });

  test("rule 12: what is no list of items has failed", async () => {
    await settle(0, { rows: [] });
    expect(field("log")).toMatchObject({ status: "failed", reason: { code: "internal" } });
  });
});
