import { HEARTBEAT, PHOENIX_TOPIC } from "@musubi/protocol";
import type { BackoffOptions } from "../backoff.js";
import { wallClock } from "../clock.js";
import { consoleLogger } from "../logger.js";
import type { Observable } from "../observable.js";
import { isFinalCloseCode } from "./close-codes.js";
import { closeReason } from "./close-reason.js";
import { queueFrames } from "./frame-queue.js";
import { keepConnection, type KeptConnection } from "./kept-connection.js";
import { createLastingBackoff, type LastingBackoff } from "./lasting-backoff.js";
import { createMovingAddress } from "./moving-address.js";
import type { PhoenixSocket, PhoenixSocketClass, Replaceable } from "./phoenix-socket.js";
import { createSafeDecode } from "./safe-decode.js";
import type { SocketDetail } from "./socket-detail.js";
import type { CreateSocketOptions } from "./socket-options.js";
import { createTokenSource } from "./token-source.js";

/** What {@link createSocket} adds to a phoenix.js socket. */
export interface SocketExtras {
  /** How the connection stands, and when the next attempt is due. */
  readonly statusDetail: Observable<SocketDetail>;
  /**
   * Connects to another address from here on, as a server asks that refuses a join with `moved` (connections call it).
   * `url` is a ws, wss, http or https URL, or a path on the same host. `false`, and nothing done, for any other, for
   * one that gives up TLS or that `isMoveAllowed` refuses, and after five moves without a connection that lasted.
   * When an attempt there does not open, the next one is at the first address again.
   */
  move(url: string): boolean;
}

/** Longer than any timer of ours: phoenix.js's own reconnect timer never gets to fire. */
const NEVER_MS = 2 ** 31 - 1;

const nothing = (): void => {};

/**
 * Makes a phoenix.js socket that reconnects well (client.md, `createSocket`).
 *
 * `Socket` is phoenix.js's class, 1.7 or 1.8; the result is an instance of it, to be used as any other. On top:
 * - reconnects and rejoins wait with full jitter, and count from the start only after 10 s of success;
 * - a fresh `token` is awaited for every connect (in the URL's params, or as `authToken`) and for every `phx_join`
 *   (as `token` in its payload, unless that has one);
 * - a probe follows `online`, `pageshow`, a page that is seen again, and a clock that jumped; no answer in 3 s means
 *   a new connection;
 * - close codes 4400-4499 end it but for 4408, 4425, 4429 (see `isFinalClose`); while the page is hidden it waits;
 * - a server that has moved is followed (see `isMoveAllowed`);
 * - a frame that cannot be read is reported once and dropped.
 *
 * Network trouble is state (`statusDetail`) and never thrown. Leaves no timer or listener after `disconnect()`.
 */
export function createSocket<S extends PhoenixSocket>(
  Socket: PhoenixSocketClass<S>,
  url: string,
  options: CreateSocketOptions = {},
): S & SocketExtras {
  const {
    token: tokenFunction,
    tokenIn = "params",
    params = {},
    isFinalClose = isFinalCloseCode,
    isMoveAllowed = () => true,
    reconnectBackoff = { capMs: 10_000 },
    rejoinBackoff = { baseMs: 1_000, capMs: 10_000 },
    stableAfterMs = 10_000,
    tokenTimeoutMs = 10_000,
    openTimeoutMs = 20_000,
    probeTimeoutMs = 3_000,
    clock = wallClock,
    random = Math.random,
    logger = consoleLogger,
    ...phoenixOptions
  } = options;
  const createBackoff = (bounds: BackoffOptions): LastingBackoff =>
    createLastingBackoff({ ...bounds, clock, random, stableAfterMs });

  let token: string | undefined;
  const socket = new Socket(url, {
    ...phoenixOptions,
    params: () => {
      const given = typeof params === "function" ? params() : params;
      return token === undefined || tokenIn !== "params" ? given : { ...given, token };
    },
    ...(tokenFunction !== undefined && tokenIn === "authToken" ? { authToken: () => token } : {}),
    reconnectAfterMs: () => {
      connection.handleDoubt();
      return NEVER_MS;
    },
  });
  // phoenix.js looks these up on the socket each time; its types do not list them all.
  const replaceable = socket as PhoenixSocket as PhoenixSocket & Replaceable;
  const connect = socket.connect.bind(socket);
  const disconnect = socket.disconnect.bind(socket);
  const makeChannel = socket.channel.bind(socket);

  const address = createMovingAddress({ home: url, isAllowed: isMoveAllowed, stableAfterMs, clock, logger });
  const readToken = createTokenSource(tokenFunction, clock, tokenTimeoutMs);
  const dropFrames = queueFrames(replaceable, readToken, () => createBackoff(rejoinBackoff), clock, logger);
  replaceable.decode = createSafeDecode(replaceable.decode.bind(socket), logger);

  // A long-poll that has failed says that it connects, for phoenix.js means to replace it (1.8).
  let failed: object | null | undefined;
  const hasLiveTransport = (): boolean =>
    socket.isConnected() || (socket.connectionState() === "connecting" && replaceable.conn !== failed);
  // Early releases of 1.7 ignore a connect until the former transport is gone for good.
  let isHeldBack = false;
  const makeTransport = (): void => {
    const former = replaceable.conn ?? null;
    connect();
    isHeldBack = former !== null && replaceable.conn === former && !hasLiveTransport();
    if (former === null || replaceable.conn === former) return;
    // Later ones of 1.7 leave the former as it was, and would take its late close for one of the present.
    Object.assign(former, { onclose: nothing, onerror: nothing, onmessage: nothing }).close();
  };
  const endTransport = (callback?: () => void, code?: number, reason?: string): void => {
    isHeldBack = false;
    dropFrames();
    const whenGone = (): void => {
      try {
        if (isHeldBack) makeTransport();
      } catch (cause) {
        isHeldBack = false;
        logger.error("The transport could not be made; it is tried again.", cause);
        connection.handleDoubt();
      }
      callback?.();
    };
    disconnect(whenGone, code, reason);
    // 1.7 waits for a close that a dead connection does not have, and tells its channels nothing before it.
    if (replaceable.conn != null) replaceable.triggerChanError();
  };

  let probeRef: string | undefined;
  const connection: KeptConnection = keepConnection({
    port: {
      open: (freshToken) => {
        token = freshToken;
        replaceable.endPoint = `${address.next()}/websocket`;
        makeTransport();
      },
      close: endTransport,
      probe: () => {
        if (!socket.isConnected()) return connection.handleDoubt();
        probeRef = socket.makeRef();
        socket.push({ topic: PHOENIX_TOPIC, event: HEARTBEAT, payload: {}, ref: probeRef });
      },
      hasLiveTransport: () => isHeldBack || hasLiveTransport(),
    },
    readToken,
    backoff: createBackoff(reconnectBackoff),
    isFinalClose,
    openTimeoutMs,
    probeTimeoutMs,
    clock,
    logger,
  });
  socket.onOpen(() => {
    address.opened();
    connection.handle("opened", null);
  });
  socket.onError(() => {
    failed = replaceable.conn;
  });
  socket.onClose((event: unknown) => connection.handleClose(closeReason(event)));
  socket.onMessage((message) => {
    if (probeRef !== undefined && (message as { ref?: unknown }).ref === probeRef) connection.handle("opened");
  });

  const overrides: Pick<PhoenixSocket, "connect" | "disconnect" | "channel"> & SocketExtras = {
    statusDetail: connection.detail,
    move: (to) => {
      const isMoving = address.move(to);
      if (isMoving) connection.handle("moved", { kind: "moved", url: to });
      return isMoving;
    },
    // Does nothing while a connection is there or on its way.
    connect: () => connection.handle("connect"),
    disconnect: (...args) => {
      connection.handle("disconnect", { kind: "disconnected" });
      endTransport(...args);
    },
    channel: (topic, channelParams) => {
      const backoff = createBackoff(rejoinBackoff);
      // A channel takes the socket's function for its own timer when it is made: so each has its own count.
      replaceable.rejoinAfterMs = backoff.nextMs;
      const channel = makeChannel(topic, channelParams);
      const join = channel.join.bind(channel);
      channel.join = (timeoutMs) => join(timeoutMs).receive("ok", backoff.began);
      channel.onError(backoff.ended);
      return channel;
    },
  };
  return Object.assign(socket, overrides);
}
