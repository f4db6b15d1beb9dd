import { PLAIN_JOIN } from "./join.js";
import { OwnChannelLink } from "./own-channel-link.js";
import type { LinkedRoot } from "./root-link.js";
import type { ConnectedLink, Topology, TopologyHost } from "./topology.js";

/** A channel for every root; the connection is joined while the socket is open (protocol.md section 8). */
export class OwnChannelTopology implements Topology {
  readonly #host: TopologyHost;
  #refs: unknown[] = [];

  constructor(host: TopologyHost) {
    this.#host = host;
  }

  open(): void {
    const { socket } = this.#host;
    this.#refs = [
      socket.onOpen(() => this.#host.handleJoined(PLAIN_JOIN)),
      socket.onClose(() => this.#host.handleUnjoined("lost")),
    ];
    if (socket.isConnected()) this.#host.handleJoined(PLAIN_JOIN);
    else socket.connect();
  }

  close(): void {
    this.#host.socket.off(this.#refs);
  }

  createLink(root: LinkedRoot): ConnectedLink {
    return new OwnChannelLink(root, this.#host);
  }
}
