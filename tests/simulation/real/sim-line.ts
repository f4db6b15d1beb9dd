import type { Clock } from "@musubi/protocol";

/** Unsent bytes past which a server cuts a client off. */
const MAX_UNSENT_BYTES = 2_500;

/** The way from a server's socket to the network: it can stand still, and what waits then is counted. */
export class SimLine {
  unsentBytes = 0;
  readonly #clock: Clock;
  readonly #deliver: (text: string) => void;
  readonly #cut: () => void;
  #waiting: string[] = [];
  #listeners = new Set<() => void>();
  #stalledUntil = 0;
  #isClosed = false;

  constructor(clock: Clock, deliver: (text: string) => void, cut: () => void) {
    this.#clock = clock;
    this.#deliver = deliver;
    this.#cut = cut;
  }

  /** Who waits to be told when it has drained. */
  get listeners(): number {
    return this.#listeners.size;
  }

  send(text: string): void {
    if (this.#isClosed) return;
    if (this.#clock.now() >= this.#stalledUntil) {
      this.#deliver(text);
    } else if (this.unsentBytes > MAX_UNSENT_BYTES) {
      this.#cut();
    } else {
      this.#waiting.push(text);
      this.unsentBytes += text.length;
    }
  }

  whenDrained(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Nothing passes for `ms`; then all that waits, upon which it stands still `again` for so long. */
  stall(ms: number, again: number): void {
    if (ms === 0 || this.#isClosed || this.#clock.now() < this.#stalledUntil) return;
    this.#stalledUntil = this.#clock.now() + ms;
    this.#clock.setTimeout(() => this.#drain(again), ms);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#listeners.clear();
  }

  #drain(again: number): void {
    if (this.#isClosed) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.unsentBytes = 0;
    for (const text of waiting) this.#deliver(text);
    this.stall(again, 0);
    const told = this.#listeners;
    this.#listeners = new Set();
    for (const listener of told) listener();
  }
}
