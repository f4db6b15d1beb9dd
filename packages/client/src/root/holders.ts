import type { Clock, TimerHandle } from "@musubi/protocol";

/** Counts who holds a root, and tells once nobody has held it for a grace (client.md rule 4). */
export class Holders {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #onLeft: () => void;
  #count = 0;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, graceMs: number, onLeft: () => void) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#onLeft = onLeft;
  }

  retain(): void {
    this.#count++;
    this.stop();
  }

  /** Gives one hold back; does nothing when there is none. */
  release(): void {
    if (this.#count === 0 || --this.#count > 0) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#onLeft();
    }, this.#graceMs);
  }

  /** Ends a grace under way. */
  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
