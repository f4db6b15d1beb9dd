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
  readonly now: () => number;
  readonly logger: Logger;
}

/**
 * The address of a socket whose server may send it elsewhere (`moved`, protocol.md section 2). It stays there for as
 * long as it can connect there: after an attempt that did not open, the next one is at home again.
 */
export class MovingAddress {
  readonly #options: MovingAddressOptions;
  #current: string;
  #moves = 0;
  #failures = 0;
  #openedAt = 0;

  constructor(options: MovingAddressOptions) {
    this.#options = options;
    this.#current = options.home;
  }

  /** The address of the next attempt. */
  next(): string {
    if (this.#failures++ > 0) this.#current = this.#options.home;
    return this.#current;
  }

  opened(): void {
    this.#failures = 0;
    this.#openedAt = this.#options.now();
  }

  /** Whether the next attempt is to be made at `to`, as a server asks. */
  move(to: string): boolean {
    const { now, stableAfterMs, isAllowed, logger } = this.#options;
    if (now() - this.#openedAt >= stableAfterMs) this.#moves = 0;
    const url = resolveMove(to, this.#current);
    if (url === undefined || this.#moves >= MAX_MOVES) return false;
    if (!askApp("isMoveAllowed", () => isAllowed(url), logger)) return false;
    this.#moves++;
    this.#failures = 0;
    this.#current = url;
    return true;
  }
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
    const scheme = /^(?:ws|http)(s?):$/.exec(protocol);
    if (scheme === null || (scheme[1] === "" && /^(?:ws|http)s:$/.test(base.protocol))) return undefined;
    return `ws${scheme[1]}://${host}${pathname.replace(/\/$/, "")}`;
  } catch {
    return undefined;
  }
}
