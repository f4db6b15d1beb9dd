/** Seconds over which a rate is averaged: a burst of this many seconds' worth passes. */
const WINDOW_SECONDS = 10;

/** A token bucket: lets `perSecond` events through on average, and bursts of ten seconds' worth. */
export class RateLimit {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = perSecond * WINDOW_SECONDS;
    this.#tokens = this.#capacity;
    this.#at = now;
  }

  /** Whether one more event may pass at `now`, in milliseconds; one that may not does not count. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
