import type { Clock } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { ConnectionReason } from "./connection-detail.js";
import type { JoinEnd } from "./connection-state.js";
import type { Join } from "./join.js";
import type { LinkedRoot, RootLink } from "./root-link.js";
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

/** What a topology needs of its connection, and tells it. */
export interface TopologyHost extends ChannelHost {
  handleJoined(join: Join): void;
  /** There is no join, or not any more. Without a `reason` the socket went, and tells why itself. */
  handleUnjoined(end: JoinEnd, reason?: ConnectionReason): void;
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
  createLink(root: LinkedRoot): ConnectedLink;
}
