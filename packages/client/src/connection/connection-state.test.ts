import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConnectionEvent, type ConnectionState, nextConnectionState } from "./connection-state.js";

const STATES: Record<string, ConnectionState> = {
  joining: { status: "joining" },
  joined: { status: "joined" },
  rejoining: { status: "rejoining" },
  reopening0: { status: "reopening", everJoined: false },
  reopening1: { status: "reopening", everJoined: true },
  refused: { status: "refused" },
  closed: { status: "closed" },
};

const EVENTS: readonly ConnectionEvent["type"][] = [
  "join_ok",
  "join_refused",
  "lost",
  "channel_closed",
  "reopen_due",
  "release",
];

const TABLE: Record<string, readonly string[]> = {
  joining: ["joined", "refused", ".", "reopening0", ".", "closed"],
  joined: [".", "rejoining", "rejoining", "reopening1", ".", "closed"],
  rejoining: ["joined", ".", ".", "reopening1", ".", "closed"],
  reopening0: [".", ".", ".", ".", "joining", "closed"],
  reopening1: [".", ".", ".", ".", "rejoining", "closed"],
  refused: [".", ".", ".", ".", ".", "closed"],
  closed: [".", ".", ".", ".", ".", "."],
};

const nameOf = (state: ConnectionState): string | undefined =>
  Object.keys(STATES).find((name) => JSON.stringify(STATES[name]) === JSON.stringify(state));

describe("the life of a connection channel", () => {
  test.each(Object.keys(TABLE))("protocol.md 2 (joins): %s takes every event", (from) => {
    EVENTS.forEach((type, index) => {
      const cell = TABLE[from]?.[index];
      const { state } = nextConnectionState(STATES[from] as ConnectionState, { type });
      expect(`${type} -> ${nameOf(state)}`).toBe(`${type} -> ${cell === "." ? from : cell}`);
    });
  });

  test("protocol.md 2 (joins): each join begins once and ends before the next begins", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), (sequence) => {
        let state: ConnectionState = { status: "joining" };
        let isJoined = false;
        for (const type of sequence) {
          const next = nextConnectionState(state, { type });
          state = next.state;
          for (const effect of next.effects) {
            if (effect === "begin_join") {
              expect(isJoined).toBe(false);
              isJoined = true;
            }
            if (effect === "end_join") {
              expect(isJoined).toBe(true);
              isJoined = false;
            }
          }
          expect(isJoined).toBe(state.status === "joined");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
