import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";
import type { SessionEnvironment } from "../channels/socket-session.js";
import { CLOSE_CODES } from "./close-codes.js";
import type { ConnectionSet } from "./connection-set.js";
import { authTokenOf, type Handshake, type HandshakeOptions, searchOf, shakeHands } from "./handshake.js";
import type { HttpClaim } from "./http-claims.js";
import { OwnedWebSocket } from "./owned-web-socket.js";
import { refuseUpgrade } from "./refuse-upgrade.js";
import { WebSocketConnection, type WebSocketConnectionOptions } from "./websocket-connection.js";

export interface WebSocketUpgradesOptions {
  readonly environment: SessionEnvironment;
  readonly connections: ConnectionSet;
  readonly handshake: HandshakeOptions;
  /** WebSockets that are open, or wait for their `connect` hook, at once. */
  readonly maxSockets: number;
  readonly maxFrameBytes: number;
  readonly maxUnsentBytes: number;
  /** Whether to take up a client's offer of permessage-deflate. */
  readonly compress: boolean;
}

/** How long a peer may take to answer a close frame, in milliseconds; then its connection is cut. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Parts that a frame may arrive in, read by read: each costs far more than its byte. Those of slow lines have some 1 400
 * bytes, and few are much smaller.
 */
const MIN_PARTS = 16_384;
const MEAN_PART_BYTES = 512;

/** Turns the requests for one endpoint's WebSocket path into connections, or refuses them (FRAMES.md, "Connect"). */
export class WebSocketUpgrades {
  /** For `claimPaths`. */
  readonly handlers: Pick<HttpClaim, "request" | "upgrade"> = {
    request: (request, response) => void this.#answer(request, response),
    upgrade: (request, socket, head) => void this.#upgrade(request, socket, head),
  };
  readonly #options: WebSocketUpgradesOptions;
  readonly #shared: WebSocketConnectionOptions;
  readonly #server: WebSocketServer;
  /** Clients whose `connect` hook still runs. */
  readonly #pending = new Set<Duplex>();
  /** Handshakes under way, those that ask for no upgrade included. */
  #handshakes = 0;
  #isStopped = false;

  constructor(options: WebSocketUpgradesOptions) {
    this.#options = options;
    const { environment, connections, maxUnsentBytes } = options;
    this.#shared = { environment, maxUnsentBytes, ended: (connection) => connections.remove(connection) };
    const settings: ServerOptions<typeof OwnedWebSocket> & { closeTimeout: number; maxBufferedChunks: number } = {
      noServer: true,
      WebSocket: OwnedWebSocket,
      clientTracking: false,
      perMessageDeflate: options.compress,
      maxPayload: options.maxFrameBytes,
      maxBufferedChunks: Math.max(MIN_PARTS, Math.ceil(options.maxFrameBytes / MEAN_PART_BYTES)),
      closeTimeout: CLOSE_TIMEOUT_MS,
      // Phoenix names a subprotocol only for the sake of an auth token; without one it answers with none.
      handleProtocols: (offered, request) =>
        offered.has("phoenix") && authTokenOf(request) !== null ? "phoenix" : false,
    };
    this.#server = new WebSocketServer(settings);
  }

  /** From now on every client is refused with 503, those that wait for their `connect` hook included. */
  stop(): void {
    this.#isStopped = true;
    for (const socket of this.#pending) refuseUpgrade(socket, 503);
    this.#pending.clear();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Nobody else listens for errors of a socket that waits, and an unheard one would end the process.
    socket.on("error", ignoreError);
    this.#pending.add(socket);
    const shaken = await this.#shake(request, socket);
    const isWaiting = this.#pending.delete(socket);
    if (!isWaiting || socket.destroyed) return;
    if (shaken.status !== 101) {
      refuseUpgrade(socket, shaken.status);
    } else if (request.headers["sec-websocket-version"] !== "13") {
      refuseUpgrade(socket, 400, "the sec-websocket-version header must be 13");
    } else {
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        socket.off("error", ignoreError);
        // It is one: the server makes its sockets of the class it was given.
        const owned = webSocket as OwnedWebSocket;
        try {
          const connection = new WebSocketConnection(owned, socket, shaken.request, shaken.accepted, this.#shared);
          this.#options.connections.add(connection);
        } catch (cause) {
          // A PubSub that throws: the client tries again, and nothing is left of this one.
          this.#options.environment.logger.error({ err: cause }, "a socket could not be set up");
          owned.on("error", ignoreError).close(CLOSE_CODES.failed);
        }
      });
    }
  }

  /** Answers a request that asks for no upgrade: never with success. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const shaken = await this.#shake(request, response);
    const status = shaken.status === 101 ? 400 : shaken.status;
    const isWrongUse = status === 400 && request.method === "GET";
    const text = isWrongUse ? "this is a WebSocket endpoint: ask for an upgrade" : "";
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": text.length });
    response.end(text);
  }

  async #shake(request: IncomingMessage, peer: Duplex | ServerResponse): Promise<Handshake | { readonly status: 400 }> {
    if (this.#isStopped) return { status: 503 };
    if (request.method !== "GET") return { status: 400 };
    const { connections, maxSockets, environment } = this.#options;
    if (connections.size + this.#handshakes >= maxSockets) {
      environment.logger.warn({ maxSockets }, "a WebSocket is refused: there are too many");
      environment.traffic?.refused("http_503");
      return { status: 503 };
    }
    const gone = new AbortController();
    const abort = (): void => gone.abort();
    peer.once("close", abort);
    const credentials = { search: searchOf(request), authToken: authTokenOf(request) };
    this.#handshakes += 1;
    const shaken = await shakeHands(request, credentials, gone, this.#options.handshake);
    this.#handshakes -= 1;
    peer.off("close", abort);
    return shaken;
  }
}

function ignoreError(): void {}
