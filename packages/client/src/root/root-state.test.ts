import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextRootState, type RootEvent, type RootState } from "./root-state.js";

const STATES: Record<string, RootState> = {
  idle: { status: "idle" },
  mounting: { status: "mounting", wanted: true },
  "mounting!": { status: "mounting", wanted: false },
  opening: { status: "opening" },
  live: { status: "live" },
  "unmounting>close": { status: "unmounting", next: "close" },
  "unmounting>mount": { status: "unmounting", next: "mount" },
  waiting: { status: "waiting" },
  failed: { status: "failed" },
  closed: { status: "closed" },
};

const EVENTS: Record<string, RootEvent> = {
  join: { type: "join" },
  drop: { type: "drop" },
  mounted: { type: "mounted" },
  resumed: { type: "resumed" },
  "refused>closed": { type: "refused", outcome: "closed" },
  "refused>failed": { type: "refused", outcome: "failed" },
  "refused>retry": { type: "refused", outcome: "retry" },
  initial: { type: "initial" },
  inconsistent: { type: "inconsistent" },
  unmounted: { type: "unmounted" },
  due: { type: "due" },
  "down>closed": { type: "down", outcome: "closed" },
  "down>failed": { type: "down", outcome: "failed" },
  "down>retry": { type: "down", outcome: "retry" },
  release: { type: "release" },
  retain: { type: "retain" },
};

/** State by event, in the order of EVENTS; `.` stays. */
const TABLE = `
state            join     drop   mounted          resumed          r>closed r>failed r>retry initial inconsistent     unmounted due      d>closed d>failed d>retry release          retain
idle             mounting .      .                .                .        .        .       .       .                .         .        .        .        .       closed           .
mounting         .        idle   opening          live             closed   failed   waiting .       .                .         .        .        .        .       mounting!        .
mounting!        closed   closed unmounting>close unmounting>close closed   closed   closed  .       .                .         .        .        .        .       .                mounting
opening          mounting idle   .                .                .        .        .       live    unmounting>mount .         .        closed   failed   waiting unmounting>close .
live             mounting idle   .                .                .        .        .       .       unmounting>mount .         .        closed   failed   waiting unmounting>close .
unmounting>close closed   closed .                .                .        .        .       .       .                closed    .        .        .        .       .                unmounting>mount
unmounting>mount mounting idle   .                .                .        .        .       .       .                waiting   .        .        .        .       unmounting>close .
waiting          mounting idle   .                .                .        .        .       .       mounting         .         mounting .        .        .       closed           .
failed           .        .      .                .                .        .        .       .       waiting          .         .        .        .        .       closed           .
closed           .        .      .                .                .        .        .       .       .                .         .        .        .        .       .                .
`;

const nameOf = (state: RootState): string | undefined =>
  Object.keys(STATES).find((name) => JSON.stringify(STATES[name]) === JSON.stringify(state));

const rows = TABLE.trim()
  .split("\n")
  .slice(1)
  .map((line) => line.trim().split(/\s+/));

describe("the life of a root", () => {
  test.each(rows)("protocol.md 2 and 3: %s takes every event", (from = "", ...cells) => {
    expect(cells).toHaveLength(Object.keys(EVENTS).length);
    Object.entries(EVENTS).forEach(([eventName, event], index) => {
      const { state } = nextRootState(STATES[from] as RootState, event);
      const expected = cells[index] === "." ? from : cells[index];
      expect(`${eventName} -> ${nameOf(state)}`).toBe(`${eventName} -> ${expected}`);
    });
  });

  test("protocol.md 3: recovery unmounts, interrupts what was sent at the answer, and mounts again", () => {
    const unmounting = nextRootState({ status: "live" }, { type: "inconsistent" });
    expect(unmounting.effects).toEqual(["stop_timers", "unmount"]);
    const waiting = nextRootState(unmounting.state, { type: "unmounted" });
    expect(waiting.effects).toEqual(["stop_timers", "interrupt_commands", "wait"]);
    expect(nextRootState(waiting.state, { type: "due" }).effects).toEqual(["mount"]);
  });

  test("random events: at most one of mount and unmount is under way, and closed is final", () => {
    const names = Object.keys(EVENTS);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...names), { maxLength: 60 }), (sequence) => {
        let state: RootState = { status: "idle" };
        let pending: "mount" | "unmount" | undefined;
        for (const name of sequence) {
          const event = EVENTS[name] as RootEvent;
          const wasClosed = state.status === "closed";
          if (event.type === "join" || event.type === "drop") pending = undefined;
          if (event.type === "mounted" || event.type === "resumed" || event.type === "refused") {
            if (pending !== "mount") continue;
            pending = undefined;
          }
          if (event.type === "unmounted") {
            if (pending !== "unmount") continue;
            pending = undefined;
          }
          const next = nextRootState(state, event);
          for (const effect of next.effects) {
            if (effect !== "mount" && effect !== "unmount") continue;
            expect(pending).toBeUndefined();
            pending = effect;
          }
          state = next.state;
          if (wasClosed) expect(next).toEqual({ state: { status: "closed" }, effects: [] });
          expect(pending === "mount").toBe(state.status === "mounting");
          expect(pending === "unmount").toBe(state.status === "unmounting");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
