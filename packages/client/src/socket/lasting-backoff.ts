import { type BackoffOptions, backoffMs } from "../backoff.js";

/** What a {@link LastingBackoff} needs. */
export interface LastingBackoffOptions extends BackoffOptions {
  readonly now: () => number;
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
export class LastingBackoff {
  readonly #options: LastingBackoffOptions;
  #failures = 0;
  #beganAt: number | null = null;

  constructor(options: LastingBackoffOptions) {
    this.#options = options;
  }

  /** It succeeded. */
  began(): void {
    this.#beganAt = this.#options.now();
  }

  /** The success is over. Does nothing without one. */
  ended(): void {
    if (this.#beganAt === null) return;
    if (this.#options.now() - this.#beganAt >= this.#options.stableAfterMs) this.#failures = 0;
    this.#beganAt = null;
  }

  /** The delay before the next attempt, in ms; a success that was on is over. */
  nextMs(): number {
    this.ended();
    return backoffMs(this.#failures++, this.#options.random, this.#options);
  }
}
