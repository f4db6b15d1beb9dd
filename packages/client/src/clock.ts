import type { Clock } from "@musubi/protocol";

/** The platform's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/** Milliseconds since 1970, which go on while a machine sleeps; they can also be set back, so no deadline is on them. */
export const wallClock: Clock = /* @__PURE__ */ Object.assign({}, systemClock, { now: () => Date.now() });

/** Milliseconds since 1970, for what an app shows or keeps; on a clock that a test gave, its own. */
export function wallTime(clock: Clock): number {
  return clock === systemClock ? Date.now() : clock.now();
}
