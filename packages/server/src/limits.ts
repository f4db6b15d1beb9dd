import { inspect } from "node:util";
import { MusubiError } from "@musubi/protocol";
import type { SessionLimits } from "./channels/session-limits.js";

/** What an option that bounds something may be, and is unless it is given. */
export interface Bound {
  readonly byDefault: number;
  readonly least: number;
  readonly most: number;
  /** Whether it counts something that has no halves. */
  readonly isWhole: boolean;
}

/** The bounds that one function takes as options, by their names. */
export type Bounds<Name extends string> = Readonly<Record<Name, Bound>>;

const KIB = 1024;
const MIB = 1024 * KIB;

const count = (byDefault: number, most: number = Number.MAX_SAFE_INTEGER): Bound => ({
  byDefault,
  least: 1,
  most,
  isWhole: true,
});
/** Two of them still fit one of Node's timers, which fire at once when they should wait for longer than 2^31 - 1. */
const milliseconds = (byDefault: number, least = 1): Bound => ({ byDefault, least, most: 2 ** 30, isWhole: false });
/** A bucket holds ten seconds' worth, which has to be one at least. */
const perSecond = (byDefault: number): Bound => ({ byDefault, least: 0.1, most: 1e9, isWhole: false });

/** Of the `channels` layer. */
export const SESSION_BOUNDS: Bounds<keyof SessionLimits> = {
  // Phoenix's max_channels_per_transport.
  maxChannels: count(100),
  maxJoinsPerSecond: perSecond(50),
  maxPushesPerSecond: perSecond(1_000),
  maxMailbox: count(1_000),
  maxMailboxBytes: count(16 * MIB),
};

/** Of `createEndpoint`, beside the former. */
export const ENDPOINT_BOUNDS: Bounds<
  "maxSockets" | "maxFrameBytes" | "maxUnsentBytes" | "heartbeatTimeoutMs" | "handshakeTimeoutMs" | "drainTimeoutMs"
> = {
  maxSockets: count(100_000),
  // ws takes it for a signed 32-bit integer, and what does not fit for none.
  maxFrameBytes: count(10 * MIB, 2 ** 31 - 1),
  maxUnsentBytes: count(16 * MIB),
  heartbeatTimeoutMs: milliseconds(60_000),
  handshakeTimeoutMs: milliseconds(10_000),
  drainTimeoutMs: milliseconds(5_000, 0),
};

/** Of `createEndpoint`, within `longPoll`. */
export const LONG_POLL_BOUNDS: Bounds<"windowMs" | "maxSessions" | "pubsubTimeoutMs"> = {
  windowMs: milliseconds(10_000),
  maxSessions: count(10_000),
  pubsubTimeoutMs: milliseconds(2_000),
};

/** Of `createMusubiServer`, beside those of its endpoint. */
export const STORE_BOUNDS: Bounds<
  | "handlerTimeoutMs"
  | "mountTimeoutMs"
  | "maxMailbox"
  | "maxAsync"
  | "maxResources"
  | "maxRoots"
  | "maxTotalRoots"
  | "maxParamsBytes"
  | "conflateAboveBytes"
  | "maxHeldOps"
  | "maxHeldBytes"
> = {
  handlerTimeoutMs: milliseconds(30_000),
  mountTimeoutMs: milliseconds(10_000),
  maxMailbox: count(1_000),
  maxAsync: count(64),
  maxResources: count(1_000),
  maxRoots: count(200),
  maxTotalRoots: count(100_000),
  maxParamsBytes: count(64 * KIB),
  conflateAboveBytes: count(256 * KIB),
  maxHeldOps: count(1_000),
  maxHeldBytes: count(MIB),
};

/** Of `createMusubiServer`, within `uploads`. */
export const UPLOAD_BOUNDS: Bounds<"tokenTtlMs" | "maxEntriesPerRoot" | "maxEntries" | "maxBytes"> = {
  tokenTtlMs: milliseconds(600_000),
  maxEntriesPerRoot: count(100),
  maxEntries: count(10_000),
  maxBytes: count(16 * 1024 * MIB),
};

/** Of `createPresence`. */
export const PRESENCE_BOUNDS: Bounds<"heartbeatMs" | "maxEntryBytes" | "maxKeys" | "maxEntries"> = {
  heartbeatMs: milliseconds(5_000),
  maxEntryBytes: count(16 * KIB),
  maxKeys: count(100),
  maxEntries: count(100_000),
};

/** Of `createValkeyPubSub`. */
export const VALKEY_BOUNDS: Bounds<"maxUnsentBytes" | "timeoutMs"> = {
  maxUnsentBytes: count(16 * MIB),
  timeoutMs: milliseconds(5_000),
};

/** Of `operationsHandler`. */
export const OPERATIONS_BOUNDS: Bounds<"checkTimeoutMs"> = { checkTimeoutMs: milliseconds(5_000) };

/**
 * What options say of the bounds, their defaults where they say nothing.
 *
 * Throws `invalid_usage` for what is no number that the bound may be: later it would be no bound, or an odd one.
 * `prefix` goes before the names in what is said then.
 */
export function limitsOf<Name extends string>(
  bounds: Bounds<Name>,
  options: { readonly [Each in Name]?: unknown },
  prefix = "",
): Record<Name, number> {
  const names = Object.keys(bounds) as Name[];
  return Object.fromEntries(
    names.map((name) => {
      const { byDefault, least, most, isWhole } = bounds[name];
      const value = options[name] ?? byDefault;
      const isRight = typeof value === "number" && value >= least && value <= most;
      if (isRight && (!isWhole || Number.isSafeInteger(value))) return [name, value];
      throw new MusubiError(
        "invalid_usage",
        `${prefix}${name} is ${isWhole ? "an integer" : "a number"} from ${least} to ${most}, not ${shown(value)}`,
      );
    }),
  ) as Record<Name, number>;
}

function shown(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 50, maxArrayLength: 3, breakLength: Number.POSITIVE_INFINITY });
}
