import { FakeClock } from "@musubi/testing";

/** A clock whose machine can sleep: time goes on, timers do not. */
export class SleepyClock extends FakeClock {
  #sleptMs = 0;

  override now(): number {
    return super.now() + this.#sleptMs;
  }

  sleep(ms: number): void {
    this.#sleptMs += ms;
  }
}
