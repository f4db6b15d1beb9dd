import type { Clock } from "@musubi/protocol";
import { type BackoffOptions, backoffMs } from "../backoff.js";

/** What a {@link LastingBackoff} needs. */
export interface LastingBackoffOptions extends BackoffOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** What lasts as long as this was a success. */
  readonly stableAfterMs: number;
}

/**
 * Delays before attempts at something that should last: capped exponential with full jitter. The count starts anew
 * only after a success that lasted; one that ends at once goes on counting, so that a server which accepts and drops
 * is not hammered.
 */
export interface LastingBackoff {
  /** It succeeded. */
  readonly began: () => void;
  /** The success is over. Does nothing without one. */
  readonly ended: () => void;
  /** The delay before the next attempt, in ms; a success that was on is over. */
  readonly nextMs: () => number;
}

/** Makes a {@link LastingBackoff}. */
export function createLastingBackoff(options: LastingBackoffOptions): LastingBackoff {
  const { clock, random, stableAfterMs } = options;
  let failures = 0;
  let beganAt: number | undefined;
  const ended = (): void => {
    if (beganAt !== undefined && clock.now() - beganAt >= stableAfterMs) failures = 0;
    beganAt = undefined;
  };
  return {
    began: () => {
      beganAt = clock.now();
    },
    ended,
    nextMs: () => {
      ended();
      return backoffMs(failures++, random, options.baseMs, options.capMs);
    },
  };
}
