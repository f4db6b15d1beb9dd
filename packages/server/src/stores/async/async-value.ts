/** Why async work failed, as the clients of its store see it: an app's own reason with its details, or a code of ours. */
export interface AsyncReason {
  /** Of a `Rejection`, or one of `internal`, `timeout`, `cancelled`. */
  readonly reason: string;
  /** Only where the reason is not the app's own. */
  readonly code?: string;
}

/**
 * A value that a store loads in the background, kept among its assigns; immutable. Placed in what `render` returns, it
 * is `{ status, data, error }` at the clients (protocol.md section 4).
 *
 * `assignAsync` and `streamAsync` make them; the static members do where a value comes another way, and in tests.
 */
export class AsyncValue<Value> {
  /** What it is called by on the wire, where a value has the very members that this class has. */
  readonly __musubi_async__: true = true;
  readonly status: "loading" | "ok" | "failed";
  /** The last good value, also while it loads anew or after that failed; `null` before there was one. */
  readonly result: Value | null;
  /** `null` unless it has failed. */
  readonly reason: AsyncReason | null;
  /** Nothing else is of this type. */
  declare readonly "~value": Value;

  private constructor(status: AsyncValue<Value>["status"], result: Value | null, reason: AsyncReason | null) {
    this.status = status;
    this.result = result;
    this.reason = reason;
    Object.freeze(this);
  }

  /** One that is being loaded, or is to be. */
  static loading<Value>(result: Value | null = null): AsyncValue<Value> {
    return new AsyncValue("loading", result, null);
  }

  static ok<Value>(result: Value): AsyncValue<Value> {
    // A member that is undefined would be missing on the wire.
    return new AsyncValue("ok", result ?? null, null);
  }

  static failed<Value>(reason: AsyncReason, result: Value | null = null): AsyncValue<Value> {
    return new AsyncValue("failed", result, reason);
  }

  /** The same state of another value, such as child stores made of what was loaded. */
  map<Other>(change: (result: Value) => Other): AsyncValue<Other> {
    return new AsyncValue(this.status, this.result === null ? null : change(this.result), this.reason);
  }
}
