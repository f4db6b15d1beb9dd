/**
 * Thrown to answer a command or a mount with an error reply of the app's own: `{ ...details, reason }`.
 *
 * `ctx.reject` and `ctx.refuse` throw it; code without a context can do so itself. What the message did is discarded.
 */
export class Rejection extends Error {
  readonly reason: string;
  readonly details: object;

  constructor(reason: string, details: object = {}) {
    super(`rejected: ${reason}`);
    this.name = "MusubiRejection";
    this.reason = reason;
    this.details = details;
  }

  /** Whether `value` is a rejection, of this copy of the package or another. */
  static is(value: unknown): value is Rejection {
    return value instanceof Error && value.name === "MusubiRejection" && "reason" in value && "details" in value;
  }
}
