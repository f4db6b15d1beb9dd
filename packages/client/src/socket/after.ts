import type { Clock } from "@musubi/protocol";
import type { Unsubscribe } from "../observable.js";

/** Calls back once, after a delay. Returns the undo. */
export function after(clock: Clock, delayMs: number, callback: () => void): Unsubscribe {
  const timer = clock.setTimeout(callback, delayMs);
  return () => clock.clearTimeout(timer);
}
