/**
 * Thrown to answer a command or a mount with an error reply of the app's own: `{ ...details, reason }`.
 *
 * `ctx.reject`, `ctx.refuse` and {@link reject} throw it; so can code of your own. What the message did is discarded.
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

/**
 * Ends a command or a mount with the error reply `{ ...details, reason }`, as `ctx.reject` and `ctx.refuse` do.
 *
 * A function of its own since TypeScript sees that code ends at a call of it, and narrows what comes after
 * `if (ticket === undefined) reject("no_such_ticket")`; at a call of a method of `ctx` it does not.
 */
export function reject(reason: string, details?: object): never {
  throw new Rejection(reason, details);
}
