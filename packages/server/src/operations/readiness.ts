import { type Clock, MusubiError, type TimerHandle } from "@musubi/protocol";
import type { Logger } from "../logger.js";

/** Says whether something that the app needs is there: throws, rejects or gives `false` when it is not. */
export type ReadinessCheck = (signal: AbortSignal) => unknown;

/** What the checks came to. */
export type ReadinessReport = Readonly<Record<string, "ok" | "failed">>;

export interface ReadinessOptions {
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  readonly checkTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Runs the app's checks side by side; who asks while they run gets the answer of that run. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #running: Promise<ReadinessReport> | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Never rejects; takes no longer than `checkTimeoutMs`. */
  check(): Promise<ReadinessReport> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<ReadinessReport> {
    const checks = Object.entries(this.#options.checks);
    return Object.fromEntries(
      await Promise.all(checks.map(async ([name, check]) => [name, await this.#judge(name, check)] as const)),
    );
  }

  async #judge(name: string, check: ReadinessCheck): Promise<"ok" | "failed"> {
    const { clock, checkTimeoutMs, logger } = this.#options;
    const controller = new AbortController();
    let timer: TimerHandle | undefined;
    try {
      const result = await new Promise<unknown>((resolve, reject) => {
        timer = clock.setTimeout(() => {
          const late = new MusubiError("timeout", `the check "${name}" took longer than ${checkTimeoutMs} ms`);
          controller.abort(late);
          reject(late);
        }, checkTimeoutMs);
        Promise.resolve(controller.signal).then(check).then(resolve, reject);
      });
      if (result !== false) return "ok";
      logger.warn({ check: name }, "a readiness check said no");
    } catch (cause) {
      logger.warn({ err: cause, check: name }, "a readiness check failed");
    } finally {
      if (timer !== undefined) clock.clearTimeout(timer);
    }
    return "failed";
  }
}
