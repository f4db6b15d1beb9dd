import type { IncomingMessage } from "node:http";
import type { Clock } from "@musubi/protocol";
import type { TrafficMeter } from "../channels/traffic.js";
import type { Logger } from "../logger.js";
import { SharedStrings } from "./shared-strings.js";
import type { ConnectAccepted, ConnectHook, ConnectRequest } from "./connect.js";

/** A client that may connect, or the HTTP status that it gets instead. */
export type Handshake =
  | { readonly status: 101; readonly request: ConnectRequest; readonly accepted: ConnectAccepted }
  | { readonly status: 403 | 500 | 503 };

/** What each transport carries in a way of its own. */
export interface Credentials {
  readonly search: URLSearchParams;
  readonly authToken: string | null;
}

export interface HandshakeOptions {
  readonly connect: ConnectHook;
  readonly checkOrigin: (request: IncomingMessage) => boolean;
  /** How long the `connect` hook may take, in milliseconds; then the client gets 503. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts refusals. */
  readonly traffic: TrafficMeter;
}

/** Serializers that are spoken here: Elixir's `~> 2.0.0`. */
const VSN = /^2\.0\.\d+$/;

const TOKEN_PREFIX = "base64url.bearer.phx.";

/**
 * Judges a connect request: origin, serializer, then the app's hook (FRAMES.md, "Connect"). Never rejects.
 *
 * The hook's signal is that of `givenUp`, which the caller aborts when the client has gone and this when time is up.
 */
export async function shakeHands(
  request: IncomingMessage,
  credentials: Credentials,
  givenUp: AbortController,
  options: HandshakeOptions,
): Promise<Handshake> {
  const shaken = await judge(request, credentials, givenUp, options);
  if (shaken.status !== 101) options.traffic.refused(`http_${shaken.status}`);
  return shaken;
}

async function judge(
  request: IncomingMessage,
  credentials: Credentials,
  givenUp: AbortController,
  options: HandshakeOptions,
): Promise<Handshake> {
  const { clock, logger } = options;
  const timer = clock.setTimeout(() => givenUp.abort(), options.handshakeTimeoutMs);
  try {
    if (!options.checkOrigin(request)) return { status: 403 };
    const asked = connectRequest(request, credentials, givenUp.signal);
    if (!VSN.test(asked.params["vsn"] ?? "")) return { status: 403 };
    const accepted = await orGivenUp(options.connect(asked), givenUp.signal);
    if (accepted === GIVEN_UP) {
      logger.warn({ timeoutMs: options.handshakeTimeoutMs }, "a connect hook took longer than its client or its limit");
      return { status: 503 };
    }
    return typeof accepted === "object" && accepted !== null
      ? { status: 101, request: asked, accepted }
      : { status: 403 };
  } catch (cause) {
    logger.error({ err: cause }, "the connect hook failed");
    return { status: 500 };
  } finally {
    clock.clearTimeout(timer);
  }
}

/** phoenix.js's `authToken` out of the offered subprotocols: base64 of Latin-1 text without padding. */
export function authTokenOf(request: IncomingMessage): string | null {
  for (const offered of (request.headers["sec-websocket-protocol"] ?? "").split(",")) {
    const protocol = offered.trim();
    if (protocol.startsWith(TOKEN_PREFIX)) {
      return Buffer.from(protocol.slice(TOKEN_PREFIX.length), "base64").toString("latin1");
    }
  }
  return null;
}

/** The query of a request. */
export function searchOf({ url = "" }: IncomingMessage): URLSearchParams {
  const query = url.indexOf("?");
  return new URLSearchParams(query === -1 ? "" : url.slice(query + 1));
}

const headerValues = new SharedStrings();

function connectRequest(request: IncomingMessage, credentials: Credentials, signal: AbortSignal): ConnectRequest {
  return {
    // Own members only, whatever the names: fromEntries defines, it never assigns.
    params: Object.fromEntries(credentials.search),
    headers: headerValues.in(request.headers),
    authToken: credentials.authToken,
    remoteAddress: request.socket.remoteAddress,
    signal,
  };
}

const GIVEN_UP = Symbol("given up");

/** What the hook says, or {@link GIVEN_UP} once the signal is aborted; a later rejection is nobody's. */
function orGivenUp<Value>(value: Value | Promise<Value>, signal: AbortSignal): Promise<Value | typeof GIVEN_UP> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(GIVEN_UP), { once: true });
    Promise.resolve(value).then(resolve, reject);
  });
}
