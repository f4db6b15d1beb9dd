import type { Clock } from "@musubi/protocol";
import { backoffMs } from "../backoff.js";

/** What stayed live for this long has recovered: its next recovery is immediate again (protocol.md section 3). */
export const STEADY_MS = 30_000;

/**
 * How long a root waits before it is mounted again, or a connection before it opens another channel: the first time not
 * at all, then exponentially longer with full jitter, until it has stayed live for 30 s (protocol.md section 3, "Recovery").
 */
export class RecoveryBackoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #baseMs: number | undefined;
  #attempts = 0;
  #liveSince = Infinity;

  /** `baseMs` is the longest first wait that is one. */
  constructor(clock: Clock, random: () => number, baseMs?: number) {
    this.#baseMs = baseMs;
    this.#clock = clock;
    this.#random = random;
  }

  /** It is live. */
  handleLive(): void {
    this.#liveSince = this.#clock.now();
  }

  /** The server refused or ended it: even the first attempt waits. */
  handleRefusal(): void {
    this.#endLive();
    this.#attempts ||= 1;
  }

  /** What comes next is a fresh start. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Milliseconds to wait before the next attempt, which this counts. */
  nextDelayMs(): number {
    this.#endLive();
    const attempt = this.#attempts++;
    return attempt === 0 ? 0 : backoffMs(attempt - 1, this.#random, this.#baseMs);
  }

  #endLive(): void {
    if (this.#clock.now() - this.#liveSince >= STEADY_MS) this.#attempts = 0;
    this.#liveSince = Infinity;
  }
}
