import type { Clock } from "@musubi/protocol";
import type { BackoffOptions } from "../backoff.js";
import type { Logger } from "../logger.js";
import type { TokenFunction } from "./token-source.js";

/** Options of phoenix.js's `Socket` that are handed on as they are; see its documentation. */
export interface PhoenixOptions {
  /** Default: the platform's `WebSocket`. Node 20 has none: give that of `ws`. */
  readonly transport?: new (
    url: string,
  ) => object;
  readonly timeout?: number;
  readonly heartbeatIntervalMs?: number;
  readonly longPollFallbackMs?: number;
  readonly longpollerTimeout?: number;
  readonly binaryType?: string;
  readonly vsn?: string;
  readonly debug?: boolean;
  readonly sessionStorage?: object;
  readonly authToken?: string | (() => string);
  readonly encode?: (message: never, callback: (data: never) => void) => void;
  readonly decode?: (data: never, callback: (message: never) => void) => void;
}

/** How a {@link createSocket} socket connects, and keeps connected. */
export interface CreateSocketOptions extends PhoenixOptions {
  /** Asked afresh for every connect and every join; one that fails is reported and asked again, with back-off. */
  readonly token?: TokenFunction;
  /** Where the token of a connect goes; default `params`. `authToken` keeps it out of URLs; phoenix.js 1.8 only. */
  readonly tokenIn?: "params" | "authToken";
  /** Query parameters of the URL. */
  readonly params?: object | (() => object);
  /** Whether a close means "do not come back"; default: 4400-4499 but for 4408, 4425, 4429. */
  readonly isFinalClose?: (code: number, text: string) => boolean;
  /**
   * Whether to follow a server to another address, given in full; default: to any that does not give up TLS. The token
   * goes along.
   */
  readonly isMoveAllowed?: (url: string) => boolean;
  /** Default: at most 500 ms at first, doubling up to 10 s. */
  readonly reconnectBackoff?: BackoffOptions;
  /** Default: at most 1 s at first, doubling up to 10 s. */
  readonly rejoinBackoff?: BackoffOptions;
  /** How long a connection or a join has to last for its count to start anew; default 10 000. */
  readonly stableAfterMs?: number;
  /** How long the token function may take; default 10 000. */
  readonly tokenTimeoutMs?: number;
  /** How long a transport may take to open; default 20 000. */
  readonly openTimeoutMs?: number;
  /** How long a probe waits for its answer; default 3 000. */
  readonly probeTimeoutMs?: number;
  /** Times of `statusDetail` are on it; default: the wall clock, so milliseconds since 1970. For tests. */
  readonly clock?: Clock;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
  readonly logger?: Logger;
}
