import { MusubiError, type TimerHandle } from "@musubi/protocol";
import { failureOf, refusal } from "../failure.js";
import type { Instance } from "../instance.js";
import type { Resource } from "../resource.js";
import { around } from "../run-hooks.js";
import type { Placeable } from "./async-pool.js";
import { type AsyncEffect, type AsyncEvent, type AsyncState, nextAsyncState } from "./async-state.js";
import type { AsyncReason } from "./async-value.js";
import type { AsyncOutcome, AsyncWork } from "./async-work.js";

/** Drives one piece of async work of a store: a place, the app's function, its timer, and one message at the end. */
export class AsyncRun implements Resource, Placeable {
  readonly instance: Instance;
  readonly work: AsyncWork;
  open = true;
  waiting = false;
  #state: AsyncState = { status: "scheduled" };
  #outcome: AsyncOutcome | null = null;
  #controller: AbortController | null = null;
  #timer: TimerHandle | null = null;

  constructor(instance: Instance, work: AsyncWork) {
    this.instance = instance;
    this.work = work;
  }

  /** What it came to; `null` before that, and once nobody waits for it. */
  get outcome(): AsyncOutcome | null {
    return this.#state.status === "settled" ? this.#outcome : null;
  }

  get isOver(): boolean {
    return this.#state.status === "over";
  }

  /** The message that asked for it has succeeded. */
  committed(): void {
    if (this.#state.status === "scheduled") this.instance.resources.add(this);
    this.#apply({ type: "committed" });
  }

  placed(): void {
    this.#apply({ type: "placed" });
  }

  /** Ends it with the reason `cancelled`, which its handler gets. */
  cancel(): void {
    this.#outcome = failed("cancelled", this.#cancelled());
    this.#apply({ type: "cancelled" });
  }

  /** The message with its result failed and was rolled back. */
  failed(cause: unknown): void {
    // A handler that throws has had its turn.
    if (!this.work.hasHandler) {
      this.#outcome = failed("internal", cause);
      this.#apply({ type: "failed" });
    } else {
      this.#apply({ type: "taken" });
    }
  }

  release(): void {
    this.#apply({ type: "dropped" });
  }

  #apply(event: AsyncEvent): void {
    const { state, effects } = nextAsyncState(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: AsyncEffect): void {
    const { scope } = this.instance;
    switch (effect) {
      case "queue":
        return scope.asyncPool().enter(this);
      case "call":
        return this.#call();
      case "disarm":
        return this.#timer === null ? undefined : scope.clock.clearTimeout(this.#timer);
      case "abort":
        return this.#controller?.abort(this.#abortReason());
      case "leave":
        return scope.asyncPool().leave(this);
      case "enqueue":
        return scope.deliver({ kind: "async", instance: this.instance, run: this, answer: null });
      default:
        return effect satisfies never;
    }
  }

  #call(): void {
    const { timeoutMs, label } = this.work;
    this.#controller = new AbortController();
    if (timeoutMs !== null) {
      this.#timer = this.instance.scope.clock.setTimeout(() => {
        const cause = new MusubiError("timeout", `${label} took longer than ${timeoutMs} ms`);
        this.#outcome = failed("timeout", cause);
        this.#apply({ type: "timed_out" });
        this.instance.scope.logger.warn({ err: cause, rootId: this.instance.scope.rootId }, `${label} failed`);
      }, timeoutMs);
    }
    void this.#follow(this.#controller.signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    try {
      // The app's code runs when the message that started it is through.
      await Promise.resolve();
      if (this.#state.status !== "running") return;
      const { scope, storeId } = this.instance;
      const { rootId, module } = scope;
      const value = await around(
        scope,
        () => ({ kind: "background", name: this.work.name, module, rootId, storeId }),
        async () => this.work.call(signal),
      );
      this.#settle("ok", { status: "ok", value });
    } catch (cause) {
      this.#reject(cause);
    }
  }

  #reject(cause: unknown): void {
    const { logger, rootId } = this.instance.scope;
    const details = { err: cause, rootId };
    if (this.#state.status !== "running") {
      logger.debug(details, `${this.work.label} failed after it had been given up`);
      return;
    }
    const { response, level } = failureOf(cause, null);
    if (level !== null) logger[level](details, `${this.work.label} failed`);
    // A failure's response always has a reason.
    this.#settle("failed", { status: "failed", reason: response as unknown as AsyncReason, cause });
  }

  #settle(end: "ok" | "failed", outcome: AsyncOutcome): void {
    if (this.#state.status === "running") this.#outcome = outcome;
    this.#apply({ type: "settled", end });
  }

  #abortReason(): unknown {
    return this.#outcome?.status === "failed" ? this.#outcome.cause : this.#cancelled();
  }

  #cancelled(): MusubiError {
    return new MusubiError("cancelled", `${this.work.label} is not waited for any more`);
  }
}

function failed(code: "cancelled" | "internal" | "timeout", cause: unknown): AsyncOutcome {
  return { status: "failed", reason: refusal(code) as unknown as AsyncReason, cause };
}
