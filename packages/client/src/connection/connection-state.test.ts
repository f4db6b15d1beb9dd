import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConnectionEvent, type ConnectionState, nextConnectionState } from "./connection-state.js";

const EVENTS = ["join_ok", "join_refused", "lost", "channel_closed", "due", "stopped", "release"] as const;

const TABLE: Readonly<Record<ConnectionState, readonly string[]>> = {
  joining: ["joined", ".", ".", "retrying", ".", "closed", "closed"],
  joined: [".", "joining", "joining", "retrying", ".", "closed", "closed"],
  retrying: [".", ".", ".", ".", "joining", "closed", "closed"],
  closed: [".", ".", ".", ".", ".", ".", "."],
};

describe("the life of a connection", () => {
  test.each(Object.keys(TABLE) as ConnectionState[])("protocol.md 2 (joins): %s takes every event", (from) => {
    EVENTS.forEach((event, index) => {
      const cell = TABLE[from][index];
      expect(`${event} -> ${nextConnectionState(from, event)}`).toBe(`${event} -> ${cell === "." ? from : cell}`);
    });
  });

  test("protocol.md 2 (joins): a new channel object is made only after the server closed the one before", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<ConnectionEvent>(...EVENTS), { maxLength: 40 }), (sequence) => {
        let state: ConnectionState = "joining";
        let hasChannel = true;
        for (const event of sequence) {
          const next = nextConnectionState(state, event);
          if (next === "retrying" && next !== state) {
            expect([event, hasChannel]).toEqual(["channel_closed", true]);
            hasChannel = false;
          } else if (state === "retrying" && next === "joining") {
            expect([event, hasChannel]).toEqual(["due", false]);
            hasChannel = true;
          }
          if (next === "joined") expect(hasChannel).toBe(true);
          if (state === "closed") expect(next).toBe("closed");
          state = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
