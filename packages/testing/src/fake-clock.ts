import type { Clock, TimerHandle } from "@musubi/client";

interface Timer {
  readonly dueAt: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Timers that one `advance` runs at most. */
const MAX_RUNS = 100_000;

/** A {@link Clock} that stands still until it is told to go on. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now: number;
  #order = 0;

  /** `startMs` is what `now()` says first; default 1 000 000. */
  constructor(startMs = 1_000_000) {
    this.#now = startMs;
  }

  /** Timers that are set and have not run: 0 when nothing was leaked. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const timer: Timer = { dueAt: this.#now + (delayMs > 0 ? delayMs : 0), order: this.#order++, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers.delete(handle as Timer);
  }

  /**
   * Moves on by `byMs`, running what falls due on the way, in order, each at its own time. What a callback throws comes
   * out here. Throws when timers set each other anew without any time passing.
   */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    let runs = 0;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      if (++runs > MAX_RUNS)
        throw new Error(`more than ${MAX_RUNS} timers ran within ${byMs} ms: one sets itself anew`);
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
    }
    // A callback may have advanced further.
    this.#now = Math.max(this.#now, until);
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt > until) continue;
      if (
        first === undefined ||
        timer.dueAt < first.dueAt ||
        (timer.dueAt === first.dueAt && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  }
}
