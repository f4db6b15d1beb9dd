import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { Rejection } from "../rejection.js";
import { type Gate, gate, ManualClock, type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import type { AsyncOutcome } from "./async-work.js";

let jobs: (Gate<unknown> & { readonly signal: AbortSignal })[];
let outcomes: AsyncOutcome[];

const Worker = defineStore("Test.Worker", {
  mount: (ctx) => {
    ctx.cancelAsync("job");
    return { done: [] as readonly unknown[] };
  },
  render: ({ done }) => ({ done }),
  commands: {
    start: command(v.object({ fail: v.optional(v.boolean(), false) }), (ctx, { fail }) => {
      ctx.startAsync("job", job, { timeoutMs: 100 });
      if (fail) throw new Error("on purpose");
    }),
    both: command((ctx) => {
      ctx.startAsync("job", job);
      ctx.startAsync("other", job);
    }),
    startAndCancel: command((ctx) => {
      ctx.startAsync("job", job);
      ctx.cancelAsync("job");
    }),
    restart: command((ctx) => {
      ctx.cancelAsync("job");
      ctx.startAsync("job", job);
    }),
    cancel: command(v.object({ fail: v.optional(v.boolean(), false) }), (ctx, { fail }) => {
      ctx.cancelAsync("job");
      if (fail) throw new Error("on purpose");
    }),
    nameless: command((ctx) => ctx.startAsync("nobody", job)),
    throws: command((ctx) => ctx.startAsync("throws", () => "x")),
    now: command((ctx) => {
      ctx.startAsync("job", () => {
        throw new Error("at once");
      });
    }),
    chain: command((ctx) => ctx.startAsync("chain", () => 1)),
  },
  async: {
    job: (ctx, outcome) => {
      outcomes.push(outcome);
      ctx.assign({ done: [...ctx.assigns.done, outcome.status === "ok" ? outcome.value : outcome.reason] });
    },
    other: async (ctx, outcome) => {
      await Promise.resolve();
      ctx.assign({ done: [...ctx.assigns.done, { other: outcome.status }] });
    },
    throws: (ctx) => {
      ctx.startAsync("job", job);
      throw new Error("the handler failed");
    },
    chain: (ctx, outcome) => {
      const value = outcome.status === "ok" ? Number(outcome.value) : 0;
      ctx.assign({ done: [...ctx.assigns.done, value] });
      if (value < 3) ctx.startAsync("chain", () => value + 1);
    },
  },
});

function job(signal: AbortSignal): Promise<unknown> {
  const started = gate<unknown>();
  jobs.push({ ...started, signal });
  return started.promise;
}

let clock: ManualClock;
let server: StoreServer;
let client: StoreClient;
let root: string;
const done = (): unknown => (client.tree(root) as { done: unknown }).done;
const CANCELLED = { reason: "cancelled", code: "cancelled" };

beforeEach(async () => {
  [jobs, outcomes] = [[], []];
  clock = new ManualClock();
  server = new StoreServer([Worker], { clock });
  client = await server.connect();
  root = await client.mount("Test.Worker");
});

describe("startAsync", () => {
  test("rule 13: its handler takes the result, in a message and an envelope of its own", async () => {
    await client.command(root, "start");
    await turns();
    expect(client.envelopes).toHaveLength(1);
    jobs[0]?.open("result");
    await turns();
    expect(done()).toEqual(["result"]);
    expect(client.envelopes).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test("rule 13: another name runs beside it, and handlers may be asynchronous", async () => {
    await client.command(root, "both");
    await turns();
    jobs[1]?.open("b");
    await turns();
    jobs[0]?.open("a");
    await turns();
    expect(done()).toEqual([{ other: "ok" }, "a"]);
  });

  test("rule 13: a handler may start the next", async () => {
    await client.command(root, "chain");
    await turns(6);
    expect(done()).toEqual([1, 2, 3]);
    expect(server.registry.inspect()[0]?.async).toBe(0);
  });

  test("rule 3: its handler gets a failure's cause, which is logged too; the client gets nothing by itself", async () => {
    await client.command(root, "start");
    await turns();
    const cause = new Error("secret");
    jobs[0]?.fail(cause);
    await turns();
    expect(outcomes).toEqual([{ status: "failed", reason: { reason: "internal", code: "internal" }, cause }]);
    expect(server.log.causes).toEqual(["secret"]);
    await client.command(root, "now");
    await turns();
    expect(outcomes[1]).toMatchObject({ cause: { message: "at once" } });
    await client.command(root, "start");
    await turns();
    jobs[1]?.fail(new Rejection("sold_out", { left: 0 }));
    await turns();
    expect(outcomes[2]).toMatchObject({ reason: { reason: "sold_out", left: 0 } });
    expect(server.log.causes).toHaveLength(2);
  });

  test("rule 5: a newer start under the same name drops the older one", async () => {
    await client.command(root, "start");
    await client.command(root, "start");
    await turns();
    expect(jobs[0]?.signal.aborted).toBe(true);
    jobs[0]?.open("stale");
    jobs[1]?.open("new");
    await turns();
    expect(done()).toEqual(["new"]);
  });

  test("rule 6: a message that fails starts nothing and cancels nothing", async () => {
    await client.command(root, "start", { fail: true });
    await turns();
    expect(jobs).toHaveLength(0);
    await client.command(root, "start");
    await turns();
    await client.command(root, "start", { fail: true });
    await client.command(root, "cancel", { fail: true });
    await turns();
    expect(jobs).toHaveLength(1);
    expect(jobs[0]?.signal.aborted).toBe(false);
    jobs[0]?.open("kept");
    await turns();
    expect(done()).toEqual(["kept"]);
  });

  test("rule 7: past its time its handler hears of it once", async () => {
    await client.command(root, "start");
    await turns();
    clock.advance(100);
    jobs[0]?.open("late");
    await turns();
    expect(done()).toEqual([{ reason: "timeout", code: "timeout" }]);
    expect(jobs[0]?.signal.aborted).toBe(true);
  });

  test("rule 8: cancelled, its handler hears of it; where a new one was started in the same message it does not", async () => {
    await client.command(root, "start");
    await turns();
    await client.command(root, "cancel");
    await turns();
    expect(done()).toEqual([CANCELLED]);
    expect(jobs[0]?.signal.aborted).toBe(true);
    await client.command(root, "cancel");
    await client.command(root, "start");
    await turns();
    await client.command(root, "restart");
    await turns();
    jobs[2]?.open("new");
    await turns();
    expect(done()).toEqual([CANCELLED, "new"]);
    await client.command(root, "startAndCancel");
    await turns();
    expect(jobs).toHaveLength(3);
    expect(done()).toEqual([CANCELLED, "new", CANCELLED]);
  });

  test("rule 8: a cancel overtakes a result that waits in the mailbox", async () => {
    await client.command(root, "start");
    await turns();
    const cancelling = client.command(root, "cancel");
    jobs[0]?.open("too late");
    await cancelling;
    await turns();
    expect(done()).toEqual([CANCELLED]);
  });

  test("rule 11: a handler that throws leaves nothing behind, and its root goes on", async () => {
    await client.command(root, "throws");
    await turns();
    expect(server.log.causes).toEqual(["the handler failed"]);
    expect([jobs.length, client.envelopes.length]).toEqual([0, 1]);
    await client.command(root, "start");
    await turns();
    jobs[0]?.open("fine");
    await turns();
    expect(done()).toEqual(["fine"]);
  });

  test("rule 13: a name without a handler is an error in the one that starts", async () => {
    expect((await client.command(root, "nameless")).response["code"]).toBe("internal");
    expect(server.log.causes[0]).toContain('no async handler called "nobody"');
  });

  test("rule 10: results are taken however full the mailbox is", async () => {
    server = new StoreServer([Worker], { clock, maxMailbox: 1 });
    client = await server.connect();
    root = await client.mount("Test.Worker");
    await client.command(root, "both");
    await turns();
    for (const each of jobs) each.open("x");
    await turns();
    expect(done()).toHaveLength(2);
  });
});
