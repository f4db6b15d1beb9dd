import type { Clock } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { ConnectionReason } from "./connection-detail.js";
import type { Join } from "./join.js";
import type { RootIdentity } from "./root-identity.js";
import type { RootLink, RootLinkEvents } from "./root-link.js";
import type { SocketLike } from "./socket-like.js";

/** What a channel needs of its connection. */
export interface ChannelHost {
  readonly socket: SocketLike;
  /** The topic of the connection channel, or the base of the roots' own topics. */
  readonly topic: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds to wait for the answer to a mount or an unmount. */
  readonly mountTimeoutMs: number;
}

/** A root's link as its connection drives it. */
export interface ConnectedLink extends RootLink {
  /** The connection's join ended, with every wait that belonged to it. */
  handleDrop(): void;
  /** Nobody wants the root any more. */
  dispose(): void;
}

/** What a topology needs of its connection, and tells it; each of that is an event of `connection-state.ts`. */
export interface TopologyHost extends ChannelHost {
  handleJoined(join: Join): void;
  /** The join got an error reply. */
  handleRefused(response: unknown): void;
  /** `undefined`: the socket went, and tells why itself. */
  handleLost(reason?: ConnectionReason): void;
  /** The server closed, for good, what the connection was joined by. */
  handleClosed(): void;
}

/**
 * How roots travel: over one channel that they share, or each over its own. It owns channel objects and what belongs
 * to one join; the connection owns when they are opened and left. No other file knows which of the two it is.
 */
export interface Topology {
  /** Begins to connect: opens the socket if it is not open. */
  open(): void;
  /** Leaves for good. */
  close(): void;
  createLink(root: RootIdentity, events: RootLinkEvents): ConnectedLink;
}

/** A callback for phoenix.js: nothing may throw into it, and what `isCurrent` says is outdated counts for nothing. */
export function guarded<Args extends unknown[]>(
  logger: Logger,
  isCurrent: () => boolean,
  handle: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    if (!isCurrent()) return;
    try {
      handle(...args);
    } catch (cause) {
      logger.error("A message to Musubi could not be handled.", cause);
    }
  };
}
