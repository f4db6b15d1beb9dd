import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { Rejection } from "../rejection.js";
import { ManualClock, type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import { asynchronous, load, loads, settle } from "./loads.test.util.js";

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

beforeEach(async () => {
  loads.length = 0;
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
