import { SeededRandom } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import { nextTransfer, type TransferEvent, type TransferState } from "./transfer-state.js";

const EVENTS: readonly TransferEvent[] = ["joined", "read", "acked", "dropped", "end"];

/** What each state makes of each event, in the order of `EVENTS`: the next state, and the effect. */
const TABLE: Readonly<Record<TransferState, readonly string[]>> = {
  joining: ["reading read", "joining", "joining", "joining await_join", "ended end"],
  rejoining: ["reading read", "rejoining", "rejoining", "rejoining await_join", "ended end"],
  reading: ["reading read", "sending push", "reading", "rejoining await_join", "ended end"],
  sending: ["reading read", "sending", "reading read", "rejoining await_join", "ended end"],
  ended: new Array<string>(5).fill("ended"),
};

describe.each(Object.keys(TABLE) as TransferState[])("protocol.md 6: a transfer that is %s", (state) => {
  test("takes every event", () => {
    expect(EVENTS.map((event) => nextTransfer(state, event).join(" "))).toEqual(TABLE[state]);
  });
});

test("random events: what is pushed was read in this join, one chunk is in flight at most, one end at most", () => {
  const seed = Date.now() % 1_000_000;
  for (let run = 0; run < 500; run++) {
    const random = new SeededRandom(seed + run);
    let state: TransferState = "joining";
    let ends = 0;
    let isRead = false;
    for (let step = 0; step < 60; step++) {
      const event = EVENTS[Math.floor(random.next() * EVENTS.length)] as TransferEvent;
      const [next, effect] = nextTransfer(state, event);
      const what = `seed ${seed + run}: ${state} + ${event}`;
      if (effect === "read") isRead = true;
      if (effect === "await_join") isRead = false;
      if (effect === "push") {
        expect(isRead, what).toBe(true);
        expect(state, what).not.toBe("sending");
      }
      if (effect === "end") ends++;
      state = next;
    }
    expect(ends, `seed ${seed + run}`).toBeLessThanOrEqual(1);
  }
});
