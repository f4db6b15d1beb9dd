import type { Clock } from "@musubi/protocol";

/** The platform's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/** Milliseconds since 1970, which go on while a machine sleeps; they can also be set back, so no deadline is on them. */
export const wallClock: Clock = { ...systemClock, now: () => Date.now() };
