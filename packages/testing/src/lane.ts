import type { Clock, TimerHandle } from "@musubi/protocol";

interface Sent {
  readonly frame: string;
  dueAt: number;
}

/** One way of a connection: frames arrive late and in order. It ends with the connection, and what it holds too. */
export class Lane {
  readonly #clock: Clock;
  readonly #latencyMs: () => number;
  readonly #deliver: (frame: string) => void;
  #sent: Sent[] = [];
  #repeats: { readonly frame: string; after: number }[] = [];
  #lastDueAt = 0;
  #heldUntil = 0;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, latencyMs: () => number, deliver: (frame: string) => void) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#deliver = deliver;
  }

  /** Frames on their way. */
  get size(): number {
    return this.#sent.length;
  }

  send(frame: string): void {
    this.#put(frame);
    for (const repeat of this.#repeats) repeat.after--;
    const due = this.#repeats.filter(({ after }) => after < 0);
    this.#repeats = this.#repeats.filter(({ after }) => after >= 0);
    for (const repeat of due) this.#put(repeat.frame);
  }

  /** Sends `frame` once more after `after` further frames; at once when that is 0. */
  repeat(frame: string, after: number): void {
    if (after === 0) this.#put(frame);
    else this.#repeats.push({ frame, after: after - 1 });
  }

  /** Whatever is still to be repeated is so before the next frame. */
  repeatNow(): void {
    const repeats = this.#repeats;
    this.#repeats = [];
    for (const { frame } of repeats) this.#put(frame);
  }

  /** Nothing arrives before this time of the clock. */
  holdUntil(time: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, time);
    this.#schedule();
  }

  /** What was held goes on. */
  release(): void {
    this.#heldUntil = 0;
    this.#repeats = [];
    const now = this.#clock.now();
    for (const sent of this.#sent) sent.dueAt = Math.min(sent.dueAt, now + this.#latencyMs());
    this.#schedule();
  }

  /** Everything on its way is lost. */
  clear(): void {
    this.#sent = [];
    this.#repeats = [];
    this.#schedule();
  }

  #put(frame: string): void {
    this.#lastDueAt = Math.max(this.#lastDueAt, this.#clock.now() + this.#latencyMs());
    this.#sent.push({ frame, dueAt: this.#lastDueAt });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#sent;
    if (first === undefined) return;
    const at = Math.max(first.dueAt, this.#heldUntil);
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#sent.shift();
      this.#schedule();
      this.#deliver(first.frame);
    }, at - this.#clock.now());
  }
}
