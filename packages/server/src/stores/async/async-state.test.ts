import { describe, expect, test } from "vitest";
import { type AsyncEffect, type AsyncEvent, type AsyncState, nextAsyncState } from "./async-state.js";

const STATES = {
  scheduled: { status: "scheduled" },
  waiting: { status: "waiting" },
  running: { status: "running" },
  ok: { status: "settled", end: "ok" },
  failed: { status: "settled", end: "failed" },
  timeout: { status: "settled", end: "timeout" },
  cancelled: { status: "settled", end: "cancelled" },
  over: { status: "over" },
} as const satisfies Record<string, AsyncState>;
type Name = keyof typeof STATES;

const EVENTS = {
  committed: { type: "committed" },
  placed: { type: "placed" },
  settled: { type: "settled", end: "ok" },
  broke: { type: "settled", end: "failed" },
  timed_out: { type: "timed_out" },
  cancelled: { type: "cancelled" },
  taken: { type: "taken" },
  failed: { type: "failed" },
  dropped: { type: "dropped" },
} as const satisfies Record<string, AsyncEvent>;

type Cell = readonly [Name, ...AsyncEffect[]] | null;

/** `null`: nothing happens. */
const TABLE: Record<Name, Record<keyof typeof EVENTS, Cell>> = {
  scheduled: {
    committed: ["waiting", "queue"],
    placed: null,
    settled: null,
    broke: null,
    timed_out: null,
    cancelled: null,
    taken: null,
    failed: null,
    dropped: ["over"],
  },
  waiting: {
    committed: null,
    placed: ["running", "call"],
    settled: null,
    broke: null,
    timed_out: null,
    cancelled: ["cancelled", "leave", "enqueue"],
    taken: null,
    failed: null,
    dropped: ["over", "leave"],
  },
  running: {
    committed: null,
    placed: null,
    settled: ["ok", "disarm", "leave", "enqueue"],
    broke: ["failed", "disarm", "leave", "enqueue"],
    timed_out: ["timeout", "abort", "leave", "enqueue"],
    cancelled: ["cancelled", "disarm", "abort", "leave", "enqueue"],
    taken: null,
    failed: null,
    dropped: ["over", "disarm", "abort", "leave"],
  },
  ok: settled(["failed", "enqueue"]),
  failed: settled(["over"]),
  timeout: settled(["over"]),
  cancelled: { ...settled(["over"]), cancelled: null },
  over: {
    committed: null,
    placed: null,
    settled: null,
    broke: null,
    timed_out: null,
    cancelled: null,
    taken: null,
    failed: null,
    dropped: null,
  },
};

function settled(failed: Cell): Record<keyof typeof EVENTS, Cell> {
  return {
    committed: null,
    placed: null,
    settled: null,
    broke: null,
    timed_out: null,
    cancelled: ["cancelled"],
    taken: ["over"],
    failed,
    dropped: ["over"],
  };
}

const names = <T extends object>(of: T): (keyof T)[] => Object.keys(of) as (keyof T)[];

describe.each(names(TABLE))("async work that is %s", (from) => {
  test.each(names(EVENTS))("takes every event: %s", (event) => {
    const cell = TABLE[from][event];
    const [to, ...effects] = cell ?? [from];
    expect(nextAsyncState(STATES[from], EVENTS[event])).toEqual({ state: STATES[to], effects });
  });
});

test("random events: a place is given back once, the app's function is called once, and over is final", () => {
  const seed = Number(process.env["MUSUBI_SEED"] ?? Date.now() % 1_000_000);
  let dice = (seed % 2_147_483_646) + 1;
  const below = (limit: number): number => {
    dice = (dice * 48_271) % 2_147_483_647;
    return dice % limit;
  };
  for (let run = 0; run < 2_000; run++) {
    let state: AsyncState = STATES.scheduled;
    const done: AsyncEffect[] = [];
    for (let step = 0; step < 12; step++) {
      const event = EVENTS[names(EVENTS)[below(names(EVENTS).length)] ?? "dropped"];
      const next = nextAsyncState(state, event);
      if (state.status === "over") expect(next, `MUSUBI_SEED=${seed}`).toEqual({ state, effects: [] });
      state = next.state;
      done.push(...next.effects);
    }
    const count = (effect: AsyncEffect): number => done.filter((each) => each === effect).length;
    const isUnder = state.status === "waiting" || state.status === "running";
    expect(count("leave"), `MUSUBI_SEED=${seed}`).toBe(count("queue") - (isUnder ? 1 : 0));
    expect(count("call"), `MUSUBI_SEED=${seed}`).toBeLessThanOrEqual(1);
    expect(count("abort"), `MUSUBI_SEED=${seed}`).toBeLessThanOrEqual(count("call"));
    // One message, and a second where what was loaded could not be shown.
    expect(count("enqueue"), `MUSUBI_SEED=${seed}`).toBeLessThanOrEqual(2);
  }
});
