import type { ErrorCode } from "./error-codes.js";
import { isRetryable } from "./retryable-codes.js";

/** What an error carries beside its code and message. */
export interface MusubiErrorOptions {
  /** Facts for a program: the server's own reason, the pointer that failed. */
  readonly details?: unknown;
  readonly cause?: unknown;
}

/**
 * The base of every error of ours: a stable `code`, and a message that says what happened, to what, and what to do.
 *
 * Check by `name` and `code` rather than by `instanceof` when two copies of a package may be loaded.
 */
export class MusubiError<Code extends string = ErrorCode> extends Error {
  /** One of `ERROR_CODES`; a subclass may also carry a code of the app's own server. */
  readonly code: Code;
  /** Whether the same call can succeed when tried again. */
  readonly retryable: boolean;
  readonly details: unknown;

  constructor(code: Code, message: string, options: MusubiErrorOptions = {}) {
    super(message, options);
    this.name = "MusubiError";
    this.code = code;
    this.retryable = isRetryable(code);
    this.details = options.details;
  }
}
