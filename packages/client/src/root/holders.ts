import type { Clock } from "@musubi/protocol";
import { OneTimer } from "../one-timer.js";

/** Counts who holds a root, and tells once nobody has held it for a grace (client.md rule 4). */
export class Holders {
  readonly #timer: OneTimer;
  readonly #graceMs: number;
  readonly #onLeft: () => void;
  #count = 0;

  constructor(clock: Clock, graceMs: number, onLeft: () => void) {
    this.#timer = new OneTimer(clock);
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
    this.#timer.start(this.#graceMs, this.#onLeft);
  }

  /** Ends a grace under way. */
  stop(): void {
    this.#timer.stop();
  }
}
