import { expect, test } from "vitest";
import { nextOutletState, type OutletEvent, type OutletState } from "./outlet-state.js";

/** Every state under every event, as "next state: effects"; the compiler asks for each cell. */
const TABLE: Readonly<Record<OutletState, Readonly<Record<OutletEvent, string>>>> = {
  flowing: {
    behind: "holding: begin await_drain",
    full: "holding: begin await_drain",
    drained: "flowing:",
    behind_again: "flowing:",
    failed: "closed:",
    ended: "closed:",
  },
  holding: {
    behind: "holding: keep",
    full: "overfull: discard",
    drained: "flowing: flush",
    behind_again: "holding: await_drain",
    failed: "closed: stop_waiting flush",
    ended: "closed: stop_waiting discard",
  },
  overfull: {
    behind: "overfull:",
    full: "overfull:",
    drained: "closed: remount",
    behind_again: "overfull: await_drain",
    failed: "closed: stop_waiting",
    ended: "closed: stop_waiting",
  },
  closed: {
    behind: "closed:",
    full: "closed:",
    drained: "closed:",
    behind_again: "closed:",
    failed: "closed:",
    ended: "closed:",
  },
};

for (const [state, row] of Object.entries(TABLE)) {
  for (const [event, cell] of Object.entries(row)) {
    test(`rule 1: ${state} upon ${event} is ${cell}`, () => {
      const [next, ...effects] = nextOutletState(state as OutletState, event as OutletEvent);
      expect([`${next}:`, ...effects].join(" ")).toBe(cell);
    });
  }
}

test("rule 1: random events: whatever is begun is flushed or discarded, every wait ends, and closed stays closed", () => {
  const seed = Date.now() % 2 ** 31;
  let random = seed;
  const events = Object.keys(TABLE.flowing) as OutletEvent[];
  for (let run = 0; run < 2_000; run++) {
    let state: OutletState = "flowing";
    let [isHeld, isWaiting] = [false, false];
    for (let step = 0; step < 20; step++) {
      random = (random * 48_271 + 11) % 2_147_483_647;
      const event = events[random % events.length] as OutletEvent;
      // A socket tells only those who wait.
      if ((event === "drained" || event === "behind_again") && !isWaiting) continue;
      if (event === "drained" || event === "behind_again") isWaiting = false;
      const [next, ...effects] = nextOutletState(state, event);
      for (const effect of effects) {
        if (effect === "begin") isHeld = true;
        if (effect === "flush" || effect === "discard") {
          expect(isHeld, `seed ${seed}`).toBe(true);
          isHeld = false;
        }
        if (effect === "await_drain") expect(isWaiting, `seed ${seed}`).toBe(false);
        if (effect === "await_drain" || effect === "stop_waiting") isWaiting = effect === "await_drain";
        if (effect === "remount") expect(state, `seed ${seed}`).toBe("overfull");
      }
      if (state === "closed") expect(next, `seed ${seed}`).toBe("closed");
      state = next;
      expect([isHeld, isWaiting], `seed ${seed}`).toEqual([
        state === "holding",
        state === "holding" || state === "overfull",
      ]);
    }
  }
});
