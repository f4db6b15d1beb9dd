import { SeededRandom } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import {
  JOINING,
  nextTransfer,
  type TransferEffect,
  type TransferEvent,
  type TransferState,
} from "./transfer-state.js";

const SIZES = { size: 10, chunk: 4 };
const ERROR = { code: "chunk_too_large", message: "Too large." };

const STATES: Readonly<Record<string, TransferState>> = {
  joining: JOINING,
  rejoining: { status: "joining", again: true },
  reading: { status: "reading", at: 8 },
  sending: { status: "sending", at: 4, end: 8 },
  done: { status: "done" },
  failed: { status: "failed", error: ERROR },
  stopped: { status: "stopped" },
};

const EVENTS: Readonly<Record<string, TransferEvent>> = {
  "joined at 0": { type: "joined", offset: 0 },
  "joined at 6": { type: "joined", offset: 6 },
  "joined at the end": { type: "joined", offset: 10 },
  refused: { type: "refused", error: ERROR },
  read: { type: "read" },
  unreadable: { type: "unreadable", error: ERROR },
  acked: { type: "acked" },
  rejected: { type: "rejected", error: ERROR },
  timeout: { type: "timeout" },
  dropped: { type: "dropped" },
  closed: { type: "closed" },
  stop: { type: "stop" },
};

/** What each state makes of each event, in the order of `EVENTS`: the next state, and the effects. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  joining: [
    "reading 0 read",
    "reading 6 read",
    "done end",
    "failed chunk_too_large end",
    "joining",
    "joining",
    "joining",
    "joining",
    "failed chunk_timeout end",
    "joining await_join",
    "failed internal end",
    "stopped end",
  ],
  rejoining: [
    "reading 0 read",
    "reading 6 read",
    "done end",
    "failed interrupted end",
    "rejoining",
    "rejoining",
    "rejoining",
    "rejoining",
    "failed chunk_timeout end",
    "rejoining await_join",
    "failed internal end",
    "stopped end",
  ],
  reading: [
    "reading 0 read",
    "reading 6 read",
    "done end",
    "failed chunk_too_large end",
    "sending 8-10 push",
    "failed chunk_too_large end",
    "reading 8",
    "reading 8",
    "reading 8",
    "rejoining await_join",
    "failed internal end",
    "stopped end",
  ],
  sending: [
    "reading 0 read",
    "reading 6 read",
    "done end",
    "failed chunk_too_large end",
    "sending 4-8",
    "sending 4-8",
    "reading 8 read",
    "failed chunk_too_large end",
    "failed chunk_timeout end",
    "rejoining await_join",
    "failed internal end",
    "stopped end",
  ],
  done: new Array<string>(12).fill("done"),
  failed: new Array<string>(12).fill("failed chunk_too_large"),
  stopped: new Array<string>(12).fill("stopped"),
};

function describeState(state: TransferState): string {
  switch (state.status) {
    case "joining":
      return state.again ? "rejoining" : "joining";
    case "reading":
      return `reading ${state.at}`;
    case "sending":
      return `sending ${state.at}-${state.end}`;
    case "failed":
      return `failed ${state.error.code}`;
    default:
      return state.status;
  }
}

describe.each(Object.keys(STATES))("protocol.md 6: a transfer that is %s", (name) => {
  test("takes every event", () => {
    const found = Object.values(EVENTS).map((event) => {
      const { state, effects } = nextTransfer(STATES[name] as TransferState, event, SIZES);
      return [describeState(state), ...effects].join(" ");
    });
    expect(found).toEqual(TABLE[name]);
  });
});

test("protocol.md 6: an empty file is there at the join", () => {
  const { state } = nextTransfer(JOINING, { type: "joined", offset: 0 }, { size: 0, chunk: 4 });
  expect(state).toEqual({ status: "done" });
});

test("random events: at most one thing to do at a time, chunks as large as they may be, one end at most", () => {
  const seed = Date.now() % 1_000_000;
  for (let run = 0; run < 500; run++) {
    const random = new SeededRandom(seed + run);
    const sizes = { size: Math.floor(random.next() * 30), chunk: 1 + Math.floor(random.next() * 8) };
    let state: TransferState = JOINING;
    let ends = 0;
    for (let step = 0; step < 60; step++) {
      const events: TransferEvent[] = Object.values(EVENTS).filter((event) => event.type !== "joined");
      events.push({ type: "joined", offset: Math.floor(random.next() * (sizes.size + 1)) });
      const event = events[Math.floor(random.next() * events.length)] as TransferEvent;
      const next = nextTransfer(state, event, sizes);
      const effects: readonly TransferEffect[] = next.effects;
      const what = `seed ${seed + run}: ${describeState(state)} + ${event.type}`;
      expect(effects.length, what).toBeLessThanOrEqual(1);
      if (effects[0] === "push") {
        if (next.state.status !== "sending") throw new Error(what);
        expect(next.state.end - next.state.at, what).toBe(Math.min(sizes.chunk, sizes.size - next.state.at));
      }
      if (effects[0] === "end") ends++;
      state = next.state;
    }
    expect(ends, `seed ${seed + run}`).toBeLessThanOrEqual(1);
  }
});
