import type { Clock, TimerHandle } from "@musubi/protocol";

/** One timer at a time: starting it ends the one before. */
export class OneTimer {
  readonly #clock: Clock;
  #handle: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is set and has not run. */
  get isSet(): boolean {
    return this.#handle !== undefined;
  }

  start(delayMs: number, callback: () => void): void {
    this.stop();
    this.#handle = this.#clock.setTimeout(() => {
      this.#handle = undefined;
      callback();
    }, delayMs);
  }

  /** Returns whether it was set. */
  stop(): boolean {
    if (this.#handle === undefined) return false;
    this.#clock.clearTimeout(this.#handle);
    this.#handle = undefined;
    return true;
  }
}
