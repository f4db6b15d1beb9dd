import type { Clock } from "@musubi/protocol";
import { backoffMs } from "../backoff.js";

/** A root that stayed live for this long has recovered: its next recovery is immediate again (protocol.md section 3). */
export const STEADY_MS = 30_000;

/**
 * How long a root waits before it is mounted again: the first time not at all, then exponentially longer with full
 * jitter, until it has stayed live for 30 s (protocol.md section 3, "Recovery").
 */
export class RecoveryBackoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  #attempts = 0;
  #liveSince = Infinity;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The root is live. */
  handleLive(): void {
    this.#liveSince = this.#clock.now();
  }

  /** The server refused or ended the root: even the first attempt waits. */
  handleRefusal(): void {
    this.#attempts ||= 1;
  }

  /** What comes next is a fresh start. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Milliseconds to wait before the next attempt, which this counts. */
  nextDelayMs(): number {
    if (this.#clock.now() - this.#liveSince >= STEADY_MS) this.#attempts = 0;
    this.#liveSince = Infinity;
    const attempt = this.#attempts++;
    return attempt === 0 ? 0 : backoffMs(attempt - 1, this.#random);
  }
}
