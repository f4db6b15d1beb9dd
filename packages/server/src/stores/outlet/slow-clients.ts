import { ENDPOINT_BOUNDS, STORE_BOUNDS } from "../../limits.js";

/** When roots hold back what they would send to a client that reads too slowly, and how much of it they keep. */
export interface SlowClientLimits {
  /** Bytes that wait on a socket past which its roots hold back what they change, conflated, until these are sent. */
  readonly conflateAboveBytes: number;
  /** Stream ops, upload ops and events that one root holds; past it the root is mounted again. */
  readonly maxHeldOps: number;
  /** The same in bytes of their JSON, about. */
  readonly maxHeldBytes: number;
  /** The same for all roots of one socket together. */
  readonly maxHeldBytesPerSocket: number;
}

/** What is done unless a server is told otherwise. */
const DEFAULT_SLOW_CLIENT_LIMITS: SlowClientLimits = {
  conflateAboveBytes: STORE_BOUNDS.conflateAboveBytes.byDefault,
  maxHeldOps: STORE_BOUNDS.maxHeldOps.byDefault,
  maxHeldBytes: STORE_BOUNDS.maxHeldBytes.byDefault,
  maxHeldBytesPerSocket: ENDPOINT_BOUNDS.maxUnsentBytes.byDefault,
};

/** The bounds for all roots of a server, and what came of them. */
export class SlowClients implements SlowClientLimits {
  readonly conflateAboveBytes: number;
  readonly maxHeldOps: number;
  readonly maxHeldBytes: number;
  readonly maxHeldBytesPerSocket: number;
  /** Envelopes that were sent in the place of what had been held. */
  conflated = 0;
  /** Roots that were mounted again because more changed than they may hold. */
  remounted = 0;

  constructor(limits: { readonly [Name in keyof SlowClientLimits]?: number | undefined } = {}) {
    const defaults = DEFAULT_SLOW_CLIENT_LIMITS;
    this.conflateAboveBytes = limits.conflateAboveBytes ?? defaults.conflateAboveBytes;
    this.maxHeldOps = limits.maxHeldOps ?? defaults.maxHeldOps;
    this.maxHeldBytes = limits.maxHeldBytes ?? defaults.maxHeldBytes;
    this.maxHeldBytesPerSocket = limits.maxHeldBytesPerSocket ?? defaults.maxHeldBytesPerSocket;
  }
}
