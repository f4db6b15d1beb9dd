import { type Clock, MusubiError } from "@musubi/protocol";
import { publish } from "../channels/broadcast.js";
import type { ChannelDefinition } from "../channels/channel.js";
import { ChannelRouter } from "../channels/channel-router.js";
import { createPubSub, type PubSub } from "../channels/pubsub.js";
import type { SessionLimits } from "../channels/session-limits.js";
import type { SessionEnvironment } from "../channels/socket-session.js";
import { type Traffic, TrafficMeter } from "../channels/traffic.js";
import { systemClock } from "../clock.js";
import { ENDPOINT_BOUNDS, LONG_POLL_BOUNDS, limitsOf, SESSION_BOUNDS } from "../limits.js";
import { consoleLogger, type Logger } from "../logger.js";
import type { Secrets } from "../token-signer.js";
import { type CheckOrigin, originChecker } from "./check-origin.js";
import type { ConnectHook, WithConnect } from "./connect.js";
import { ConnectionSet } from "./connection-set.js";
import type { HandshakeOptions } from "./handshake.js";
import { claimPaths, type HttpServer } from "./http-claims.js";
import { LongPolls } from "./long-polls.js";
import { WebSocketUpgrades } from "./websocket-upgrades.js";

/** Bounds and the secret of the long-poll transport. */
export interface LongPollOptions {
  /**
   * How long a poll is held, in milliseconds. Default 10 000. A session ends when nobody has polled it for one and a
   * half times as long.
   */
  readonly windowMs?: number;
  /** Sessions that are open at once; past it clients get 503. Default 10 000. */
  readonly maxSessions?: number;
  /**
   * Signs the tokens of sessions, 32 bytes or more; default random. Of a list the first one signs, and what the others
   * have signed is taken: so a secret is changed without a break. Endpoints that share it, and a `pubsub`, answer for one another's
   * sessions: a load balancer can send each request to any of them.
   */
  readonly secret?: Secrets;
  /** How long such another endpoint may take to answer, in milliseconds; then its session is gone. Default 2 000. */
  readonly pubsubTimeoutMs?: number;
}

/** What {@link createEndpoint} takes; every limit has a default. */
export interface EndpointOptions extends Partial<SessionLimits> {
  /** The channels that clients can join; the first whose topic matches wins. */
  readonly channels: readonly ChannelDefinition[];
  /** Decides who may connect. Default: everybody who passes `checkOrigin`, without a user. */
  readonly connect?: ConnectHook;
  /** Default: one within this process. */
  readonly pubsub?: PubSub;
  readonly logger?: Logger;
  /** Which pages may connect. Default `true`: those of the same host. */
  readonly checkOrigin?: CheckOrigin;
  /** Silence of a client after which its socket is closed, in milliseconds, give or take a tenth. Default 60 000. */
  readonly heartbeatTimeoutMs?: number;
  /** How long the `connect` hook may take, in milliseconds. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
  /** How long `close` waits for goodbyes and for channels' `terminate`, in milliseconds. Default 5 000. */
  readonly drainTimeoutMs?: number;
  /**
   * WebSockets that are open, or wait for their `connect` hook, at once; past it clients get 503. Default 100 000.
   * Long-poll sessions have a bound of their own.
   */
  readonly maxSockets?: number;
  /** Largest message of a client, in bytes, counted over its fragments. Default 10 MiB; past it close code 1009. */
  readonly maxFrameBytes?: number;
  /** Bytes a client may leave unread before its connection is cut. Default 16 MiB. */
  readonly maxUnsentBytes?: number;
  /** The transport that phoenix.js falls back to where WebSockets do not pass; `false`: none. */
  readonly longPoll?: LongPollOptions | false;
  /**
   * Compresses messages of 1 KiB and more for clients that offer permessage-deflate (RFC 7692). Default `false`. What goes
   * to such a client is written message by message, as `ws` compresses them, rather than all of a tick at once.
   */
  readonly compress?: boolean;
  readonly clock?: Clock;
}

/** A Phoenix-compatible socket endpoint: where clients connect, and what reaches them all. */
export interface Endpoint {
  readonly pubsub: PubSub;
  /** Counted up as it happens, for metrics. */
  readonly traffic: Traffic;
  /**
   * Serves `<path>/websocket` and `<path>/longpoll` on an HTTP or HTTPS server and leaves every other path to its other
   * listeners; returns the undo, which leaves open sockets open.
   */
  attach(server: HttpServer, options: { readonly path: string }): () => void;
  /** Sends an event to every client of a topic. Throws for a payload that cannot be encoded. */
  broadcast(topic: string, event: string, payload: unknown): void;
  /** Closes every socket that the `connect` hook gave this id, with 1001; phoenix.js connects again. */
  disconnect(socketId: string): void;
  /** How much is open, for metrics and tests. */
  inspect(): { readonly sockets: number; readonly channels: number };
  /**
   * Ends everything: refuses new clients with 503, closes sockets with 1012 and tells polls 410, so that phoenix.js
   * connects again, waits for goodbyes and for channels' `terminate`, and cuts what is left after `drainTimeoutMs`. The
   * HTTP server stays as it is, and newcomers go on being refused there: phoenix.js hangs upon a 404 in JSON.
   */
  close(): Promise<void>;
}

/** Largest body of a POST, in bytes: that of Phoenix. */
const MAX_POST_BYTES = 8_000_000;

/** Windows without a poll after which a session ends: those of Phoenix. */
const SILENT_WINDOWS = 1.5;

/**
 * Creates an endpoint; `attach` it to one HTTP server or several.
 *
 * Throws `invalid_usage` for a limit that is no number it may be.
 */
export function createEndpoint(options: EndpointOptions & WithConnect): Endpoint {
  const logger = options.logger ?? consoleLogger;
  const clock = options.clock ?? systemClock;
  const pubsub = options.pubsub ?? createPubSub(logger);
  const limits = limitsOf(SESSION_BOUNDS, options);
  const { maxSockets, maxFrameBytes, maxUnsentBytes, drainTimeoutMs, ...silence } = limitsOf(ENDPOINT_BOUNDS, options);
  const traffic = new TrafficMeter();
  const environment: SessionEnvironment = {
    router: new ChannelRouter(options.channels),
    pubsub,
    logger,
    clock,
    limits,
    traffic,
  };
  const handshake: HandshakeOptions = {
    connect: options.connect ?? anybody,
    checkOrigin: originChecker(options.checkOrigin ?? true),
    handshakeTimeoutMs: silence.handshakeTimeoutMs,
    clock,
    logger,
    traffic,
  };
  const sockets = new ConnectionSet(clock, silence.heartbeatTimeoutMs);
  const upgrades = new WebSocketUpgrades({
    connections: sockets,
    environment,
    handshake,
    maxSockets,
    maxFrameBytes,
    maxUnsentBytes,
    compress: options.compress ?? false,
  });
  const connections = [sockets];
  const served: { readonly name: string; readonly transport: WebSocketUpgrades | LongPolls }[] = [
    { name: "websocket", transport: upgrades },
  ];
  if (options.longPoll !== false) {
    const { secret, ...given } = options.longPoll ?? {};
    const { windowMs, maxSessions, pubsubTimeoutMs } = limitsOf(LONG_POLL_BOUNDS, given, "longPoll.");
    const polling = new ConnectionSet(clock, SILENT_WINDOWS * windowMs);
    connections.push(polling);
    const transport = new LongPolls({
      connections: polling,
      environment,
      handshake,
      maxBodyBytes: Math.min(MAX_POST_BYTES, maxFrameBytes),
      maxUnsentBytes,
      windowMs,
      maxSessions,
      pubsubTimeoutMs,
      secret,
    });
    served.push({ name: "longpoll", transport });
  }
  let closing: Promise<void> | undefined;

  const broadcast = (topic: string, event: string, payload: unknown): void =>
    publish(pubsub, topic, { event, payload, except: null });

  return {
    pubsub,
    traffic,
    attach(server, { path }) {
      if (!path.startsWith("/") || /[?#]/.test(path)) {
        throw new MusubiError("invalid_usage", `${JSON.stringify(path)} is no path: write it as "/socket"`);
      }
      if (closing !== undefined) throw new MusubiError("invalid_usage", "this endpoint is closed: create another");
      const undo = served.map(({ name, transport }) => {
        const own = `${path.replace(/\/+$/, "")}/${name}`;
        return claimPaths(server, { matches: (pathname) => pathname === own, ...transport.handlers }, clock);
      });
      return () => {
        for (const one of undo) one();
      };
    },
    broadcast,
    disconnect: (socketId) => broadcast(socketId, "disconnect", {}),
    inspect() {
      const counts = connections.map((set) => set.inspect());
      return {
        sockets: counts.reduce((sum, { sockets: open }) => sum + open, 0),
        channels: counts.reduce((sum, { channels }) => sum + channels, 0),
      };
    },
    close() {
      closing ??= (async () => {
        for (const { transport } of served) transport.stop();
        await Promise.all(connections.map((set) => set.close(drainTimeoutMs)));
      })();
      return closing;
    },
  };
}

/** Lets everybody in, without a user; only where none is registered, as `WithConnect` sees to. */
const anybody = (): never => ({}) as never;
