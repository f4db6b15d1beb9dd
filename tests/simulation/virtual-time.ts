import type { Clock, TimerHandle } from "@musubi/protocol";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly owner: ClockView;
  readonly callback: () => void;
}

interface ClockView extends Clock {
  /** Timers of this clock that are set and have not run. */
  readonly pending: number;
}

/** The time of a whole simulated world: several clocks on one line, so that each part's timers can be counted. */
export class VirtualTime {
  #timers: Timer[] = [];
  #order = 0;
  #now = 1_000_000;

  get now(): number {
    return this.#now;
  }

  /** A clock of its own on this line of time. */
  clock(): ClockView {
    let pending = 0;
    const view: ClockView = {
      now: () => this.#now,
      setTimeout: (callback, delayMs) => {
        pending++;
        const run = (): void => {
          pending--;
          callback();
        };
        return this.#add({
          at: this.#now + Math.max(0, delayMs || 0),
          order: this.#order++,
          owner: view,
          callback: run,
        });
      },
      clearTimeout: (handle) => {
        if (this.#remove(handle as Timer)) pending--;
      },
      get pending() {
        return pending;
      },
    };
    return view;
  }

  /** Gives the process this world's time: phoenix.js takes the global timers. Returns the undo. */
  install(): () => void {
    const clock = this.clock();
    const former = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
    const set = (callback: () => void, delayMs?: number): TimerHandle => clock.setTimeout(callback, delayMs ?? 0);
    const clear = (handle: unknown): void => {
      if (typeof handle === "object" && handle !== null) clock.clearTimeout(handle);
    };
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
    return () => {
      Object.assign(globalThis, former);
    };
  }

  /** Runs the next timer that is due by `until`. Returns whether there was one. */
  runNext(until: number): boolean {
    const next = this.#timers[0];
    if (next === undefined || next.at > until) return false;
    this.#timers.shift();
    this.#now = next.at;
    next.callback();
    return true;
  }

  /** To be called when nothing more is due by then. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  #add(timer: Timer): Timer {
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1] as Timer).at > timer.at) at--;
    this.#timers.splice(at, 0, timer);
    return timer;
  }

  #remove(timer: Timer): boolean {
    const at = this.#timers.indexOf(timer);
    if (at < 0) return false;
    this.#timers.splice(at, 1);
    return true;
  }
}

const turn = setImmediate;

/** Lets every promise that can go on do so: a turn of the event loop, which no virtual time passes in. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => turn(resolve));
}
