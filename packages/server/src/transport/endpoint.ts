import { type Clock, MusubiError } from "@musubi/protocol";
import { publish } from "../channels/broadcast.js";
import type { ChannelDefinition } from "../channels/channel.js";
import { ChannelRouter } from "../channels/channel-router.js";
import { createPubSub, type PubSub } from "../channels/pubsub.js";
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from "../channels/session-limits.js";
import { systemClock } from "../clock.js";
import { consoleLogger, type Logger } from "../logger.js";
import { type CheckOrigin, originChecker } from "./check-origin.js";
import type { ConnectHook } from "./connect.js";
import { ConnectionSet } from "./connection-set.js";
import { claimPaths, type HttpServer } from "./http-claims.js";
import { WebSocketUpgrades } from "./websocket-upgrades.js";

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
  /** Largest message of a client, in bytes, counted over its fragments. Default 10 MiB; past it close code 1009. */
  readonly maxFrameBytes?: number;
  /** Bytes a client may leave unread before its connection is cut. Default 16 MiB. */
  readonly maxUnsentBytes?: number;
  readonly clock?: Clock;
}

/** A Phoenix-compatible socket endpoint: where clients connect, and what reaches them all. */
export interface Endpoint {
  readonly pubsub: PubSub;
  /**
   * Serves `<path>/websocket` on an HTTP or HTTPS server and leaves every other path to its other listeners; returns the undo,
   * which leaves open sockets open.
   */
  attach(server: HttpServer, options: { readonly path: string }): () => void;
  /** Sends an event to every client of a topic. Throws for a payload that cannot be encoded. */
  broadcast(topic: string, event: string, payload: unknown): void;
  /** Closes every socket that the `connect` hook gave this id, with 1001; phoenix.js connects again. */
  disconnect(socketId: string): void;
  /** How much is open, for metrics and tests. */
  inspect(): { readonly sockets: number; readonly channels: number };
  /**
   * Ends everything: refuses new clients with 503, closes sockets with 1012, waits for goodbyes and for channels'
   * `terminate`, and cuts what is left after `drainTimeoutMs`. The HTTP server stays as it is.
   */
  close(): Promise<void>;
}

/** Creates an endpoint; `attach` it to one HTTP server or several. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const logger = options.logger ?? consoleLogger;
  const clock = options.clock ?? systemClock;
  const pubsub = options.pubsub ?? createPubSub(logger);
  const limits = pickLimits(options);
  const connections = new ConnectionSet(clock, options.heartbeatTimeoutMs ?? 60_000);
  const upgrades = new WebSocketUpgrades({
    connections,
    environment: { router: new ChannelRouter(options.channels), pubsub, logger, clock, limits },
    handshake: {
      connect: options.connect ?? (() => ({})),
      checkOrigin: originChecker(options.checkOrigin ?? true),
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
      clock,
      logger,
    },
    maxFrameBytes: options.maxFrameBytes ?? 10 * 1024 * 1024,
    maxUnsentBytes: options.maxUnsentBytes ?? 16 * 1024 * 1024,
  });
  const detachers = new Set<() => void>();
  let closing: Promise<void> | undefined;

  const broadcast = (topic: string, event: string, payload: unknown): void =>
    publish(pubsub, topic, { event, payload, except: null });

  return {
    pubsub,
    attach(server, { path }) {
      if (!path.startsWith("/") || /[?#]/.test(path)) {
        throw new MusubiError("invalid_usage", `${JSON.stringify(path)} is no path: write it as "/socket"`);
      }
      if (closing !== undefined) throw new MusubiError("invalid_usage", "this endpoint is closed: create another");
      const served = `${path.replace(/\/+$/, "")}/websocket`;
      const undo = claimPaths(server, { matches: (pathname) => pathname === served, ...upgrades.handlers }, clock);
      const detach = (): void => {
        detachers.delete(detach);
        undo();
      };
      detachers.add(detach);
      return detach;
    },
    broadcast,
    disconnect: (socketId) => broadcast(socketId, "disconnect", {}),
    inspect: () => connections.inspect(),
    close() {
      closing ??= (async () => {
        upgrades.stop();
        await connections.close(options.drainTimeoutMs ?? 5_000);
        for (const detach of detachers) detach();
      })();
      return closing;
    },
  };
}

function pickLimits(options: Partial<SessionLimits>): SessionLimits {
  const defaults = DEFAULT_SESSION_LIMITS;
  return {
    maxChannels: options.maxChannels ?? defaults.maxChannels,
    maxJoinsPerSecond: options.maxJoinsPerSecond ?? defaults.maxJoinsPerSecond,
    maxPushesPerSecond: options.maxPushesPerSecond ?? defaults.maxPushesPerSecond,
    maxMailbox: options.maxMailbox ?? defaults.maxMailbox,
    maxMailboxBytes: options.maxMailboxBytes ?? defaults.maxMailboxBytes,
  };
}
