import type { Clock, TimerHandle } from "@musubi/protocol";
import type { Unsubscribe } from "../observable.js";

/** How often the clock is looked at, and how late a look has to be to be a jump, in ms. */
const TICK_MS = 5_000;
const LATE_MS = 5_000;

/**
 * Calls `onJump` when a timer fires much later than due: the machine slept, or the page was frozen. Returns the undo.
 */
export function watchClock(clock: Clock, onJump: () => void): Unsubscribe {
  let timer: TimerHandle;
  const wait = (): void => {
    const dueAt = clock.now() + TICK_MS;
    timer = clock.setTimeout(() => {
      const isLate = clock.now() - dueAt > LATE_MS;
      wait();
      if (isLate) onJump();
    }, TICK_MS);
  };
  wait();
  return () => clock.clearTimeout(timer);
}
