import type { Cycle } from "../cycle.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { AsyncReason } from "./async-value.js";

/** What async work came to, as the handler of a `startAsync` gets it. */
export type AsyncOutcome<Value = unknown> =
  | { readonly status: "ok"; readonly value: Value }
  /** `reason` is what a client may see; `cause`, for the server's own eyes, is what was thrown. */
  | { readonly status: "failed"; readonly reason: AsyncReason; readonly cause: unknown };

/** Options of async work. */
export interface AsyncOptions {
  /**
   * How long the function may take, in milliseconds; `null`: as long as it likes. Default: `handlerTimeoutMs` of the
   * server. Past it the work has failed with the reason `timeout`, and its signal is aborted.
   */
  readonly timeoutMs?: number | null;
}

/** Options of `assignAsync` and `streamAsync`. */
export interface AsyncValueOptions extends AsyncOptions {
  /** Drops what was loaded before at once; without it the last good value stays until the new one is there. */
  readonly reset?: boolean;
}

/** The app's function. The signal is aborted when nobody waits for its result any more. */
export type AsyncFunction<Value> = (signal: AbortSignal) => Value | PromiseLike<Value>;

/** What is to be done in the background, and what its result becomes. */
export interface AsyncWork {
  /** What it was started as: assigns by their keys, a stream or a handler by its name. */
  readonly name: string;
  /** How messages and logs name it. */
  readonly label: string;
  /** What it is held under: a newer start under one of these takes that one over. */
  readonly slots: readonly string[];
  /** `null`: no limit. */
  readonly timeoutMs: number | null;
  /** Whether the result goes to a handler of the app, which hears of a cancel too. */
  readonly hasHandler: boolean;
  readonly call: AsyncFunction<unknown>;
  /** Takes the result in a message of its own; `slots` are those that it still holds. */
  take(cycle: Cycle, outcome: AsyncOutcome, slots: readonly string[]): MaybePromise<unknown>;
}
