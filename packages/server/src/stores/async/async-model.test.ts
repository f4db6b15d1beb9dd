import * as v from "valibot";
import { expect, test } from "vitest";
import { command } from "../command.js";
import { defineStore } from "../define-store.js";
import { child } from "../placeholders.js";
import { type Gate, gate, ManualClock, type StoreClient, StoreServer, turns } from "../store-client.test.util.js";
import { AsyncValue } from "./async-value.js";

/**
 * Random starts, cancels, ends, timeouts, stores that leave and roots that end, against a model that knows nothing of
 * cycles and mailboxes: after each step the client's tree, the signals, the places and the timers must be the model's.
 */

/** What the stores below have begun, by number. */
let called: Map<number, Gate<unknown> & { readonly signal: AbortSignal }>;
/** The number of the next one, which a mount takes itself. */
let serial: number;

const load =
  (id: number) =>
  (signal: AbortSignal): Promise<never> => {
    const started = gate<unknown>();
    called.set(id, { ...started, signal });
    return started.promise as Promise<never>;
  };

const Kid = defineStore("Model.Kid", {
  mount: (ctx) => ({ data: ctx.assignAsync<string>("data", load(serial++), { timeoutMs: 50 }) }),
  render: ({ data }) => ({ data }),
});

const Top = defineStore("Model.Top", {
  mount: () => ({
    a: AsyncValue.loading<string>(),
    b: AsyncValue.loading<string>(),
    heard: [] as readonly unknown[],
    kids: [] as readonly string[],
  }),
  render: ({ a, b, heard, kids }) => ({ a, b, heard, kids: kids.map((id) => child(Kid, { id })) }),
  commands: {
    start: command(
      v.object({ keys: v.array(v.picklist(["a", "b"])), reset: v.boolean(), fail: v.boolean(), id: v.number() }),
      (ctx, { keys, reset, fail, id }) => {
        if (keys.length === 1) ctx.assignAsync(keys[0] ?? "a", load(id), { reset, timeoutMs: 40 });
        else ctx.assignAsync(keys, load(id), { reset, timeoutMs: null });
        if (fail) ctx.reject("on purpose");
      },
    ),
    job: command(v.object({ fail: v.boolean(), id: v.number() }), (ctx, { fail, id }) => {
      ctx.startAsync("job", load(id), { timeoutMs: 30 });
      if (fail) ctx.reject("on purpose");
    }),
    cancel: command(v.object({ name: v.string(), fail: v.boolean() }), (ctx, { name, fail }) => {
      ctx.cancelAsync(name);
      if (fail) ctx.reject("on purpose");
    }),
    kids: command(v.object({ ids: v.array(v.string()) }), (ctx, { ids }) => ctx.assign({ kids: ids })),
  },
  async: {
    job: (ctx, outcome) => {
      const heard = outcome.status === "ok" ? outcome.value : outcome.reason.reason;
      ctx.assign({ heard: [...ctx.assigns.heard, heard] });
    },
  },
});

interface Value {
  status: string;
  result: unknown;
  reason: unknown;
}

interface Job {
  readonly id: number;
  readonly timeoutMs: number | null;
  /** Where its result goes. */
  readonly keys: Set<string>;
  status: "waiting" | "running" | "ended" | "given up";
  due: number;
  /** It ended while the command that gives it up was on its way: its signal had no more to say. */
  raced: boolean;
}

const loading = (result: unknown = null): Value => ({ status: "loading", result, reason: null });

class Model {
  readonly jobs: Job[] = [];
  now = 0;
  values = new Map<string, Value>();
  heard: unknown[] = [];
  kids: string[] = [];
  readonly #places: number;

  constructor(places: number) {
    this.#places = places;
    this.restart();
  }

  /** The root ends and is mounted anew. */
  restart(): void {
    for (const job of this.jobs) this.#giveUp(job);
    this.values = new Map([
      ["a", loading()],
      ["b", loading()],
    ]);
    [this.heard, this.kids] = [[], []];
  }

  start(id: number, keys: readonly string[], timeoutMs: number | null, reset: boolean): void {
    for (const key of keys) {
      this.#release(key);
      if (key !== "job") this.values.set(key, loading(reset ? null : (this.values.get(key)?.result ?? null)));
    }
    this.jobs.push({
      id,
      timeoutMs,
      keys: new Set(keys),
      status: "waiting",
      due: Number.POSITIVE_INFINITY,
      raced: false,
    });
    this.#place();
  }

  cancel(key: string): void {
    const job = this.#held(key);
    if (job === undefined) return;
    this.#show(key, "failed", "cancelled");
    this.#release(key);
    this.#place();
  }

  end(id: number, isOk: boolean): void {
    const job = this.jobs.find((each) => each.id === id);
    if (job?.status !== "running") return;
    job.status = "ended";
    for (const key of job.keys) this.#show(key, isOk ? "ok" : "failed", isOk ? `result ${id}` : "internal");
    job.keys.clear();
    this.#place();
  }

  show(kids: readonly string[]): void {
    const gone = this.kids.filter((id) => !kids.includes(id));
    const fresh = kids.filter((id) => !this.kids.includes(id));
    this.kids = [...kids];
    // New ones ask for their places before those that left give theirs back.
    for (const id of fresh) this.start(serial + fresh.indexOf(id), [`kid ${id}`], 50, true);
    for (const id of gone) {
      this.#release(`kid ${id}`);
      this.values.delete(`kid ${id}`);
    }
    this.#place();
  }

  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const [next] = this.running.filter(({ due }) => due <= until).sort((x, y) => x.due - y.due);
      if (next === undefined) break;
      this.now = next.due;
      next.status = "given up";
      for (const key of next.keys) this.#show(key, "failed", "timeout");
      next.keys.clear();
      this.#place();
    }
    this.now = until;
  }

  get running(): Job[] {
    return this.jobs.filter(({ status }) => status === "running");
  }

  get waiting(): Job[] {
    return this.jobs.filter(({ status }) => status === "waiting");
  }

  #held(key: string): Job | undefined {
    return this.jobs.find(({ keys }) => keys.has(key));
  }

  #show(key: string, status: string, what: string): void {
    if (key === "job") {
      this.heard.push(what);
    } else {
      const reason = status === "ok" ? null : { reason: what, code: what };
      const result = status === "ok" ? what : (this.values.get(key)?.result ?? null);
      this.values.set(key, { status, result, reason });
    }
  }

  #release(key: string): void {
    const job = this.#held(key);
    job?.keys.delete(key);
    if (job?.keys.size === 0) this.#giveUp(job);
  }

  #giveUp(job: Job): void {
    job.keys.clear();
    if (job.status !== "ended") job.status = "given up";
  }

  #place(): void {
    for (const job of this.waiting.slice(0, this.#places - this.running.length)) {
      job.status = "running";
      job.due = this.now + (job.timeoutMs ?? Number.POSITIVE_INFINITY);
    }
  }
}

/** Whether a signal is aborted, by its job's status. */
function signalOf(status: Job["status"], wasCalled: boolean): boolean | string {
  return wasCalled ? status === "given up" : "not begun";
}

async function run(seed: number, steps: number): Promise<void> {
  let dice = (seed % 2_147_483_646) + 1;
  const below = (limit: number): number => {
    dice = (dice * 48_271) % 2_147_483_647;
    return dice % limit;
  };
  called = new Map();
  serial = 0;
  const clock = new ManualClock();
  const places = 1 + below(6);
  const server = new StoreServer([Top], { clock, maxAsync: places });
  const client: StoreClient = await server.connect();
  let root = await client.mount("Model.Top");
  const model = new Model(places);
  let hasty = false;
  for (let step = 0; step < steps; step++) {
    const fail = below(5) === 0;
    const action = below(9);
    // What comes right upon a command finds it in the mailbox still; time must not pass it by.
    let isHasty = action < 4 && below(2) === 0;
    const wasHasty = hasty;
    if (action >= 4 && action <= 6) await turns(4);
    switch (action) {
      case 0:
      case 1: {
        const keys = [["a"], ["b"], ["a", "b"]][below(3)] ?? [];
        const reset = below(3) === 0;
        const id = serial++;
        void client.command(root, "start", { keys, reset, fail, id });
        if (!fail) model.start(id, keys, keys.length === 1 ? 40 : null, reset);
        break;
      }
      case 2: {
        const id = serial++;
        void client.command(root, "job", { fail, id });
        if (!fail) model.start(id, ["job"], 30, false);
        break;
      }
      case 3: {
        const name = ["a", "b", "job", "none"][below(4)] ?? "";
        void client.command(root, "cancel", { name, fail });
        // Its handler hears of it in a message of its own, which a start that waits already would overtake.
        if (name === "job") isHasty = false;
        if (!fail) model.cancel(name);
        break;
      }
      case 4: {
        const ids = ["x", "y", "z"].filter(() => below(2) === 0);
        model.show(ids);
        await client.command(root, "kids", { ids });
        break;
      }
      case 5: {
        const ms = 1 + below(30);
        clock.advance(ms);
        model.advance(ms);
        break;
      }
      case 6:
        if (below(6) > 0) break;
        await client.push("unmount", { root_id: root });
        root = await client.mount("Model.Top");
        model.restart();
        break;
      default: {
        // Any that ever began, so that late ends of those that were given up come too.
        const [id, job] = [...called][below(called.size + 1)] ?? [-1];
        if (job === undefined) break;
        const wasOpen = model.running.some((each) => each.id === id);
        const isOk = below(3) > 0;
        const single = `result ${id}`;
        if (isOk)
          job.open(model.jobs.find((each) => each.id === id)?.timeoutMs === null ? { a: single, b: single } : single);
        else job.fail(new Error("on purpose"));
        if (wasOpen) model.end(id, isOk);
        else for (const each of model.jobs) if (each.id === id) each.raced ||= wasHasty;
      }
    }
    hasty = isHasty;
    if (isHasty) continue;
    await turns(4);
    const tree = client.tree(root) as unknown as Record<string, unknown> & { kids: { data: Value }[] };
    const shown = new Map<string, unknown>([
      ["a", tree["a"]],
      ["b", tree["b"]],
    ]);
    for (const [at, id] of model.kids.entries()) shown.set(`kid ${id}`, tree.kids[at]?.data);
    const expected = new Map([...model.values].map(([key, value]) => [key, { __musubi_async__: true, ...value }]));
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(expected));
    expect(tree["heard"]).toEqual(model.heard);
    for (const { id, status, raced } of model.jobs) {
      if (!raced)
        expect([id, called.get(id)?.signal.aborted ?? "not begun"]).toEqual([id, signalOf(status, called.has(id))]);
    }
    for (const { id } of model.running) expect(called.has(id)).toBe(true);
    for (const { id } of model.waiting) expect(called.has(id)).toBe(false);
    expect(server.registry.inspect()[0]?.async).toBe(model.running.length + model.waiting.length);
    expect(clock.pending).toBe(model.running.filter(({ timeoutMs }) => timeoutMs !== null).length);
  }
  await turns(4);
  await client.drop();
  expect(clock.pending).toBe(0);
  for (const { id } of model.running) expect(called.get(id)?.signal.aborted).toBe(true);
}

test("random starts, cancels, ends, timeouts and leaving stores agree with the model", async () => {
  const first = Number(process.env["MUSUBI_SEED"] ?? Date.now() % 1_000_000);
  const runs = Number(process.env["MUSUBI_RUNS"] ?? 40);
  for (let seed = first; seed < first + runs; seed++) {
    try {
      await run(seed, 60);
    } catch (cause) {
      throw new Error(`run with MUSUBI_SEED=${seed}`, { cause });
    }
  }
});
