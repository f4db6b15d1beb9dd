import type { RootIdentity } from "./connection.js";
import { PLAIN_JOIN } from "./join.js";
import { OwnChannelLink } from "./own-channel-link.js";
import type { RootLinkEvents } from "./root-link.js";
import type { TopologyOptions } from "./shared-topology.js";
import { type ConnectedLink, guarded, type Topology, type TopologyEvents } from "./topology.js";

/** A channel for every root; the connection is joined while the socket is open (protocol.md section 8). */
export class OwnChannelTopology implements Topology {
  readonly #options: TopologyOptions;
  readonly #events: TopologyEvents;
  #refs: unknown[] = [];

  constructor(options: TopologyOptions, events: TopologyEvents) {
    this.#options = options;
    this.#events = events;
  }

  open(): void {
    const { socket, logger } = this.#options;
    const isOpen = (): boolean => this.#refs.length > 0;
    this.#refs = [
      socket.onOpen(guarded(logger, isOpen, () => this.#events.handleJoined(PLAIN_JOIN))),
      socket.onClose(guarded(logger, isOpen, () => this.#events.handleLost())),
    ];
    if (socket.isConnected()) this.#events.handleJoined(PLAIN_JOIN);
    else socket.connect();
  }

  close(): void {
    this.#options.socket.off(this.#refs);
    this.#refs = [];
  }

  beginJoin(): void {}

  endJoin(): void {}

  createLink(root: RootIdentity, events: RootLinkEvents): ConnectedLink {
    return new OwnChannelLink(root, this.#options, events);
  }
}
