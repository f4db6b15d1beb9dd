import { limitsOf, SESSION_BOUNDS } from "../limits.js";

/** What one socket may ask of the server. Past a limit the client gets an error reply, and its socket lives on. */
export interface SessionLimits {
  /** Channels joined or joining at once; more are answered `too many channels joined`. */
  readonly maxChannels: number;
  /** Joins per second, averaged over ten; more are answered `rate_limited`. */
  readonly maxJoinsPerSecond: number;
  /** Pushes per second, averaged over ten; more are answered `rate_limited`. */
  readonly maxPushesPerSecond: number;
  /**
   * Messages that wait for one channel's code; pushes past it are answered `overloaded`, and what the channel sends itself
   * or intercepts crashes it.
   */
  readonly maxMailbox: number;
  /**
   * Bytes of all pushes of one socket that wait, or whose answers were deferred and not given yet; more are answered
   * `overloaded`. Those that joins make before they are answered count too; more crash the join.
   */
  readonly maxMailboxBytes: number;
}

/** The limits of a socket unless the endpoint sets others. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = limitsOf(SESSION_BOUNDS, {});
