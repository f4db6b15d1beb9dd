import { describe, expect, test } from "vitest";
import { type EntryEvent, type EntryState, nextEntry, progressOf } from "./entry-state.js";
import { Dice } from "./upload-client.test.util.js";

const SIZES = { size: 10, chunk: 4 };
const ERROR = { code: "external_failed", message: "Elsewhere." };

const STATES: Readonly<Record<string, EntryState>> = {
  waiting: { status: "waiting", received: 4 },
  "waiting, all there": { status: "waiting", received: 10 },
  joined: { status: "joined", received: 4 },
  writing: { status: "writing", received: 4, bytes: 4, joined: true },
  "writing the last": { status: "writing", received: 8, bytes: 2, joined: true },
  "writing, dropped": { status: "writing", received: 4, bytes: 4, joined: false },
  elsewhere: { status: "elsewhere", progress: 50 },
  complete: { status: "complete" },
  failed: { status: "failed", error: ERROR },
  cancelled: { status: "cancelled" },
  consumed: { status: "consumed" },
};

const EVENTS: Readonly<Record<string, EntryEvent>> = {
  joined: { type: "joined" },
  "chunk of 4": { type: "chunk", bytes: 4 },
  "chunk of 0": { type: "chunk", bytes: 0 },
  "chunk of 5": { type: "chunk", bytes: 5 },
  written: { type: "written" },
  unwritable: { type: "unwritable" },
  dropped: { type: "dropped" },
  timeout: { type: "timeout" },
  "reported 40": { type: "reported", progress: 40 },
  "reported 60": { type: "reported", progress: 60 },
  "reported 100": { type: "reported", progress: 100 },
  report_failed: { type: "report_failed", error: ERROR },
  consumed: { type: "consumed" },
  cancel: { type: "cancel" },
};

/** What each state makes of each event that means something to it; of every other one it makes nothing. */
const TABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  waiting: {
    joined: "joined 4: await_chunk",
    timeout: "failed chunk_timeout: stop_waiting tell_end discard",
    cancel: "cancelled: stop_waiting discard",
  },
  "waiting, all there": {
    joined: "complete: stop_waiting close_file tell_end",
    timeout: "failed chunk_timeout: stop_waiting tell_end discard",
    cancel: "cancelled: stop_waiting discard",
  },
  joined: {
    joined: "joined 4: await_chunk",
    "chunk of 4": "writing 4 4 joined: stop_waiting write",
    "chunk of 5": "failed chunk_too_large: stop_waiting tell_end discard",
    dropped: "waiting 4: await_join close_file",
    timeout: "failed chunk_timeout: stop_waiting tell_end discard",
    cancel: "cancelled: stop_waiting discard",
  },
  writing: {
    written: "joined 8: await_chunk tell_progress",
    unwritable: "failed internal: stop_waiting tell_end discard",
    dropped: "writing 4 4:",
    cancel: "cancelled: stop_waiting discard",
  },
  "writing the last": {
    written: "complete: stop_waiting close_file tell_end",
    unwritable: "failed internal: stop_waiting tell_end discard",
    dropped: "writing 8 2:",
    cancel: "cancelled: stop_waiting discard",
  },
  "writing, dropped": {
    joined: "writing 4 4 joined:",
    written: "waiting 8: await_join close_file tell_progress",
    unwritable: "failed internal: stop_waiting tell_end discard",
    cancel: "cancelled: stop_waiting discard",
  },
  elsewhere: {
    timeout: "failed chunk_timeout: stop_waiting tell_end discard",
    "reported 40": "elsewhere 50: await_join tell_progress",
    "reported 60": "elsewhere 60: await_join tell_progress",
    "reported 100": "complete: stop_waiting close_file tell_end",
    report_failed: "failed external_failed: stop_waiting tell_end discard",
    cancel: "cancelled: stop_waiting discard",
  },
  complete: { consumed: "consumed: discard", cancel: "cancelled: stop_waiting discard" },
  failed: {},
  cancelled: {},
  consumed: {},
};

function show(state: EntryState): string {
  switch (state.status) {
    case "waiting":
    case "joined":
      return `${state.status} ${state.received}`;
    case "writing":
      return `writing ${state.received} ${state.bytes}${state.joined ? " joined" : ""}`;
    case "elsewhere":
      return `elsewhere ${state.progress}`;
    case "failed":
      return `failed ${state.error.code}`;
    default:
      return state.status;
  }
}

describe("protocol.md 6: an entry that is", () => {
  test.each(Object.entries(STATES))("%s takes every event", (name, state) => {
    const actual = Object.entries(EVENTS).map(([event, value]) => {
      const { state: next, effects } = nextEntry(state, value, SIZES);
      return [event, `${show(next)}: ${effects.join(" ")}`.trimEnd()];
    });
    const expected = Object.keys(EVENTS).map((event) => [event, TABLE[name]?.[event] ?? `${show(state)}:`]);
    expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(expected));
  });

  test("more than was announced is too_large, whatever the size of the chunk", () => {
    const state: EntryState = { status: "joined", received: 8 };
    expect(nextEntry(state, { type: "chunk", bytes: 3 }, SIZES).state).toMatchObject({ error: { code: "too_large" } });
  });
});

test("protocol.md 6: in random sequences what has arrived never shrinks, never exceeds the size, and an end is final", () => {
  const dice = new Dice();
  for (let run = 0; run < 500; run++) {
    let state: EntryState = run % 4 === 0 ? { status: "elsewhere", progress: 0 } : { status: "waiting", received: 0 };
    for (let step = 0; step < 30; step++) {
      const event = dice.pick(Object.values(EVENTS));
      const { state: next, effects } = nextEntry(state, event, SIZES);
      const why = `seed ${dice.seed}, run ${run}: ${show(state)} on ${event.type} becomes ${show(next)}`;
      const isOver = ["failed", "cancelled", "consumed"].includes(state.status);
      if (isOver) expect([next, effects], why).toEqual([state, []]);
      const isOverNow = ["failed", "cancelled", "consumed"].includes(next.status);
      if (!isOverNow) expect(progressOf(next, 10), why).toBeGreaterThanOrEqual(progressOf(state, 10));
      if ("received" in next) expect(next.received, why).toBeLessThanOrEqual(10);
      // Exactly when it ends is it discarded, and only then.
      expect(effects.includes("discard"), why).toBe(!isOver && isOverNow);
      state = next;
    }
  }
});
