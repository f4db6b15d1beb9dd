import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextRootState, type RootEvent, type RootState } from "./root-state.js";

const EVENTS: readonly RootEvent[] = [
  "join",
  "drop",
  "mounted",
  "resumed",
  "end",
  "fail",
  "retry",
  "initial",
  "inconsistent",
  "unmounted",
  "due",
  "release",
  "retain",
];

/** State by event, in the order of EVENTS; `.` stays. */
const TABLE = `
state      join     drop   mounted resumed end    fail   retry   initial inconsistent unmounted due      release   retain
idle       mounting .      .       .       .      .      .       .       .            .         .        closed    .
mounting   mounting idle   opening live    closed failed waiting .       .            .         .        abandoned .
abandoned  closed   closed closing closing closed closed closed  .       .            .         .        .         mounting
opening    mounting idle   .       .       closed failed waiting live    recovering   .         .        closing   .
live       mounting idle   .       .       closed failed waiting .       recovering   .         .        closing   .
recovering mounting idle   .       .       .      .      .       .       .            waiting   .        closing   .
closing    closed   closed .       .       .      .      .       .       .            closed    .        .         recovering
waiting    mounting idle   .       .       .      .      .       .       mounting     .         mounting closed    .
failed     .        .      .       .       .      .      .       .       waiting      .         .        closed    .
closed     .        .      .       .       .      .      .       .       .            .         .        .         .
`;

const rows = TABLE.trim()
  .split("\n")
  .slice(1)
  .map((line) => line.trim().split(/\s+/));

describe("the life of a root", () => {
  test.each(rows)("protocol.md 2 and 3: %s takes every event", (from = "", ...cells) => {
    expect(cells).toHaveLength(EVENTS.length);
    EVENTS.forEach((event, index) => {
      const [state] = nextRootState(from as RootState, event);
      expect(`${event} -> ${state}`).toBe(`${event} -> ${cells[index] === "." ? from : cells[index]}`);
    });
  });

  test("protocol.md 3: recovery unmounts, interrupts what was sent at the answer, and mounts again", () => {
    expect(nextRootState("live", "inconsistent")).toEqual(["recovering", "stop_timer", "unmount"]);
    expect(nextRootState("recovering", "unmounted")).toEqual(["waiting", "stop_timer", "interrupt_commands", "wait"]);
    expect(nextRootState("waiting", "due")).toEqual(["mounting", "mount"]);
  });

  test("random events: at most one of mount and unmount is under way, and closed is final", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (sequence) => {
        let state: RootState = "idle";
        let pending: "mount" | "unmount" | undefined;
        for (const event of sequence) {
          if (event === "join" || event === "drop") pending = undefined;
          if (event === "mounted" || event === "resumed") {
            if (pending !== "mount") continue;
            pending = undefined;
          }
          // A mount that is refused, or a mounted root that the server ends.
          if (event === "end" || event === "fail" || event === "retry") {
            if (pending === "unmount") continue;
            pending = undefined;
          }
          if (event === "unmounted") {
            if (pending !== "unmount") continue;
            pending = undefined;
          }
          const [next, ...effects] = nextRootState(state, event);
          for (const effect of effects) {
            if (effect !== "mount" && effect !== "unmount") continue;
            expect(pending).toBeUndefined();
            pending = effect;
          }
          if (state === "closed") expect([next, ...effects]).toEqual(["closed"]);
          state = next;
          expect(pending === "mount").toBe(state === "mounting" || state === "abandoned");
          expect(pending === "unmount").toBe(state === "recovering" || state === "closing");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
