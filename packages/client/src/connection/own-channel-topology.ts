import { PLAIN_JOIN } from "./join.js";
import { OwnChannelLink } from "./own-channel-link.js";
import type { RootIdentity } from "./root-identity.js";
import type { RootLinkEvents } from "./root-link.js";
import type { ConnectedLink, Topology, TopologyEvents, TopologyOptions } from "./topology.js";

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
    const { socket } = this.#options;
    this.#refs = [
      socket.onOpen(() => this.#events.handleJoined(PLAIN_JOIN)),
      socket.onClose(() => this.#events.handleLost()),
    ];
    if (socket.isConnected()) this.#events.handleJoined(PLAIN_JOIN);
    else socket.connect();
  }

  close(): void {
    this.#options.socket.off(this.#refs);
  }

  createLink(root: RootIdentity, events: RootLinkEvents): ConnectedLink {
    return new OwnChannelLink(root, this.#options, events);
  }
}
