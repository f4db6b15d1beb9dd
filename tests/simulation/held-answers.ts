import type { Clock, TimerHandle } from "@musubi/protocol";

/** What a slow server will still do, and how to make it do so now. */
export class HeldAnswers {
  readonly #clock: Clock;
  readonly #held = new Map<() => void, TimerHandle>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Runs `answer` after `ms`. */
  hold(ms: number, answer: () => void): void {
    const timer = this.#clock.setTimeout(() => {
      this.#held.delete(answer);
      answer();
    }, ms);
    this.#held.set(answer, timer);
  }

  /** Runs everything that is held. */
  release(): void {
    for (const [answer, timer] of Array.from(this.#held)) {
      this.#clock.clearTimeout(timer);
      this.#held.delete(answer);
      answer();
    }
  }
}
