import type { Clock } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import { askApp } from "./ask-app.js";

/** Moves in a row, without a connection that lasted, before a server that sends us round is not followed. */
const MAX_MOVES = 5;
/** No address that we are sent to is longer. */
const MAX_URL_LENGTH = 2_048;

/** What a {@link MovingAddress} needs. */
export interface MovingAddressOptions {
  /** The address that the app gave. */
  readonly home: string;
  readonly isAllowed: (url: string) => boolean;
  /** How long a connection has to last for moves to be counted anew. */
  readonly stableAfterMs: number;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/**
 * The address of a socket whose server may send it elsewhere (`moved`, protocol.md section 2). It stays there for as
 * long as it can connect there: after an attempt that did not open, the next one is at home again.
 */
export interface MovingAddress {
  /** The address of the next attempt. */
  next(): string;
  opened(): void;
  /** Whether the next attempt is to be made at `to`, as a server asks. */
  move(to: string): boolean;
}

/** Makes a {@link MovingAddress}. */
export function createMovingAddress(options: MovingAddressOptions): MovingAddress {
  const { home, isAllowed, stableAfterMs, clock, logger } = options;
  let current = home;
  let moves = 0;
  let failures = 0;
  let openedAt = 0;
  return {
    next: () => {
      if (failures++ > 0) current = home;
      return current;
    },
    opened: () => {
      failures = 0;
      openedAt = clock.now();
    },
    move: (to) => {
      if (clock.now() - openedAt >= stableAfterMs) moves = 0;
      const url = resolveMove(to, current);
      if (url === undefined || moves >= MAX_MOVES) return false;
      if (!askApp("isMoveAllowed", () => isAllowed(url), logger)) return false;
      moves++;
      failures = 0;
      current = url;
      return true;
    },
  };
}

/**
 * `to` as an absolute ws or wss URL: given as one, as http or https, or as a path on the host of `from`. `undefined`
 * for anything else, and for what would give up TLS. Query, fragment and credentials are left out.
 */
function resolveMove(to: string, from: string): string | undefined {
  if (to.length > MAX_URL_LENGTH) return undefined;
  try {
    const base = new URL(from, globalThis.location?.href);
    const { protocol, host, pathname } = new URL(to, base);
    const secure = /^(?:ws|http)(s?):$/;
    const scheme = secure.exec(protocol)?.[1];
    if (scheme === undefined || (scheme === "" && secure.exec(base.protocol)?.[1] === "s")) return undefined;
    return `ws${scheme}://${host}${pathname.replace(/\/$/, "")}`;
  } catch {
    return undefined;
  }
}
