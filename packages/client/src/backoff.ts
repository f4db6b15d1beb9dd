/** Bounds of a {@link backoffMs}. */
export interface BackoffOptions {
  /** The largest first delay; default 500 ms. */
  readonly baseMs?: number;
  /** No delay is longer; default 30 000 ms. */
  readonly capMs?: number;
}

/**
 * How long to wait before an attempt: capped exponential with full jitter, so that clients cut at once do not come
 * back at once. `attempt` counts from 0; `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: () => number, baseMs = 500, capMs = 30_000): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** attempt));
}
