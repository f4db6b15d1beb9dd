/** A value, or a promise of one: what runs synchronously stays so. */
export type MaybePromise<T> = T | PromiseLike<T>;

/** Whether a value has to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

/** Calls `next` with the value: at once when it is there, else when it has come. */
export function thenDo<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  // oxlint-disable-next-line promise/no-callback-in-promise -- `next` continues the work; it is no Node callback
  return isThenable(value) ? value.then(next) : next(value);
}
