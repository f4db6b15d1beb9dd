import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConnectionEvent, type ConnectionState, nextConnectionState } from "./connection-state.js";

const EVENTS = ["join_ok", "join_refused", "lost", "channel_closed", "due", "stopped", "release"] as const;

const TABLE: Readonly<Record<ConnectionState, readonly string[]>> = {
  joining: ["joined", "closed", ".", "retrying", ".", "closed", "closed"],
  retrying: [".", ".", ".", ".", "joining", "closed", "closed"],
  joined: ["joined", "rejoining", "rejoining", "reopening", ".", "closed", "closed"],
  rejoining: ["joined", ".", ".", "reopening", ".", "closed", "closed"],
  reopening: [".", ".", ".", ".", "rejoining", "closed", "closed"],
  closed: [".", ".", ".", ".", ".", ".", "."],
};

describe("the life of a connection", () => {
  test.each(Object.keys(TABLE) as ConnectionState[])("protocol.md 2 (joins): %s takes every event", (from) => {
    EVENTS.forEach((event, index) => {
      const cell = TABLE[from][index];
      expect(`${event} -> ${nextConnectionState(from, event)[0]}`).toBe(`${event} -> ${cell === "." ? from : cell}`);
    });
  });

  test("protocol.md 2 (joins): each join begins once and ends before the next begins; it is closed once", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<ConnectionEvent>(...EVENTS), { maxLength: 40 }), (sequence) => {
        let state: ConnectionState = "joining";
        let isJoined = false;
        let closes = 0;
        for (const event of sequence) {
          const [next, ...effects] = nextConnectionState(state, event);
          state = next;
          for (const effect of effects) {
            if (effect === "begin_join" || effect === "end_join") {
              expect(isJoined).toBe(effect === "end_join");
              isJoined = !isJoined;
            }
            if (effect === "close") closes++;
          }
          expect(isJoined).toBe(state === "joined");
          expect(closes).toBe(state === "closed" ? 1 : 0);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
