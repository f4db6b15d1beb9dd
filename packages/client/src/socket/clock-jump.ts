import type { Clock } from "@musubi/protocol";
import type { Unsubscribe } from "../observable.js";
import { after } from "./after.js";

/** How often the clock is looked at, and how late a look has to be to be a jump, in ms. */
const TICK_MS = 5_000;
const LATE_MS = 5_000;

/**
 * Calls `onJump` when a timer fires much later than due: the machine slept, or the page was frozen. Returns the undo.
 */
export function watchClock(clock: Clock, onJump: () => void): Unsubscribe {
  let stop: Unsubscribe;
  const wait = (): void => {
    const dueAt = clock.now() + TICK_MS;
    stop = after(clock, TICK_MS, () => {
      const isLate = clock.now() - dueAt > LATE_MS;
      wait();
      if (isLate) onJump();
    });
  };
  wait();
  return () => stop();
}
