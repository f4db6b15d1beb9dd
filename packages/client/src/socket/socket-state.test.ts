import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasTransport, isWanted, nextSocketState, type SocketEvent, type SocketState } from "./socket-state.js";

const EVENTS: readonly SocketEvent[] = [
  "connect",
  "disconnect",
  "authorized",
  "failed",
  "opened",
  "closed",
  "closed_finally",
  "retry_due",
  "page_hidden",
  "page_shown",
  "nudged",
  "moved",
];

/** What is not named here stays. */
const TABLE: Readonly<Record<SocketState, Partial<Record<SocketEvent, SocketState>>>> = {
  idle: { connect: "authorizing" },
  authorizing: { disconnect: "idle", authorized: "opening", failed: "waiting" },
  opening: {
    disconnect: "idle",
    opened: "open",
    failed: "waiting",
    closed: "waiting",
    closed_finally: "stopped",
    page_shown: "authorizing",
    nudged: "authorizing",
  },
  open: {
    disconnect: "idle",
    closed: "waiting",
    closed_finally: "stopped",
    moved: "authorizing",
    page_shown: "probing",
    nudged: "probing",
  },
  probing: {
    disconnect: "idle",
    closed: "waiting",
    closed_finally: "stopped",
    moved: "authorizing",
    opened: "open",
    failed: "authorizing",
  },
  waiting: {
    disconnect: "idle",
    retry_due: "authorizing",
    page_hidden: "hidden",
    page_shown: "authorizing",
    nudged: "authorizing",
  },
  hidden: { disconnect: "idle", page_shown: "authorizing" },
  stopped: { connect: "authorizing", disconnect: "idle" },
};

describe("the life of a socket that keeps itself connected", () => {
  test.each(Object.keys(TABLE) as SocketState[])("client.md (createSocket): %s takes every event", (from) => {
    const row = Object.fromEntries(EVENTS.map((event) => [event, nextSocketState(from, event)]));
    const expected = Object.fromEntries(EVENTS.map((event) => [event, TABLE[from][event] ?? from]));
    expect(row).toEqual(expected);
  });

  test("a transport comes only of a token, opens only once it was made, and a stop is left only by a connect", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), (sequence) => {
        let state: SocketState = "idle";
        for (const event of sequence) {
          const next = nextSocketState(state, event);
          if (hasTransport(next) && !hasTransport(state)) expect([state, event]).toEqual(["authorizing", "authorized"]);
          if (next === "open" && state !== "open") expect(["opening", "probing"]).toContain(state);
          if (!isWanted(state) && isWanted(next)) expect(event).toBe("connect");
          if (event === "disconnect") expect(next).toBe("idle");
          state = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
