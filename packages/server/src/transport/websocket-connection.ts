import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { ConnectedSocket } from "../channels/channel.js";
import type { Outgoing } from "../channels/outgoing.js";
import {
  type SessionEnd,
  type SessionEnvironment,
  type SessionTransport,
  SocketSession,
} from "../channels/socket-session.js";
import { CLOSE_CODES, CLOSE_IDLE } from "./close-codes.js";
import type { ConnectAccepted, ConnectRequest } from "./connect.js";
import type { Connection } from "./connection-set.js";
import { DrainListeners } from "./drain-listeners.js";
import { flushLater } from "./flush-queue.js";
import type { OwnedWebSocket, WebSocketOwner } from "./owned-web-socket.js";
import { messageFrame } from "./server-frame.js";

/** What all connections of an endpoint share. */
export interface WebSocketConnectionOptions {
  readonly environment: SessionEnvironment;
  /** Hard bound of bytes that the client has not read; past it the connection is cut. */
  readonly maxUnsentBytes: number;
  /** The connection has ended, and its session with it. */
  readonly ended: (connection: WebSocketConnection) => void;
}

/** What is written to learn when all before it has been. */
const NOTHING = new Uint8Array();

/** Up to this many bytes, frames of one tick are copied together, which beats a vectored write. */
const MAX_JOINED_BYTES = 16 * 1024;

/**
 * Carries one session over one WebSocket.
 *
 * Writes of one tick reach the operating system as one. Frames are made here rather than by `ws`, so that a broadcast
 * is framed once; `ws` reads, answers pings and closes.
 */
export class WebSocketConnection implements SessionTransport, Connection, WebSocketOwner {
  // These come first, and so next to each other, because a broadcast reads them of every connection.
  readonly #options: WebSocketConnectionOptions;
  readonly #socket: Duplex;
  readonly #compresses: boolean;
  #isClosing = false;
  #heldBytes = 0;
  /** Frames of this tick, in order; most ticks have one. */
  #held: Uint8Array | Uint8Array[] | undefined;
  readonly #webSocket: OwnedWebSocket;
  readonly session: SocketSession;
  /** When the client was last heard, by the environment's clock. */
  lastHeardAt: number;
  /** Made when somebody first waits: most sockets are never behind. */
  #drains: DrainListeners | undefined;
  #isDraining = false;
  /** Frames that ws has been given to compress and has not written yet, and those of them that somebody waits for. */
  #compressing = 0;
  #awaited = 0;

  constructor(
    webSocket: OwnedWebSocket,
    socket: Duplex,
    request: ConnectRequest,
    accepted: ConnectAccepted,
    options: WebSocketConnectionOptions,
  ) {
    this.#options = options;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#compresses = webSocket.extensions !== "";
    this.lastHeardAt = options.environment.clock.now();
    this.session = new SocketSession(options.environment, this, new ClientSocket(this, request, accepted));
    webSocket.own(this);
  }

  send(message: Outgoing): void {
    // Judged before the write: one message may be of any size, and so may the first one after it. What the socket holds
    // is judged when it is flushed.
    if (this.#heldBytes > this.#options.maxUnsentBytes && this.#cutIfSlow()) return;
    // Compressed frames are made by ws, one after the other.
    if (this.#compresses) {
      if (this.#webSocket.readyState !== WebSocket.OPEN || this.#cutIfSlow()) return;
      this.#compressing += 1;
      this.#webSocket.send(message.data, () => {
        this.#compressing -= 1;
        if (this.#awaited > 0 && --this.#awaited === 0) this.#drained();
      });
      return;
    }
    const frame = (message.wire ??= messageFrame(message));
    this.#heldBytes += frame.length;
    if (this.#held === undefined) {
      this.#held = frame;
      flushLater(this);
    } else if (Array.isArray(this.#held)) {
      this.#held.push(frame);
    } else {
      this.#held = [this.#held, frame];
    }
  }

  relay(message: Outgoing): void {
    this.send(message);
    this.#options.environment.traffic?.sent(message);
  }

  flush(): void {
    const held = this.#held;
    const bytes = this.#heldBytes;
    this.#held = undefined;
    this.#heldBytes = 0;
    const socket = this.#socket;
    // After a close frame nothing may follow (RFC 6455 section 5.5.1).
    if (held === undefined || this.#isClosing || !socket.writable) return;
    if (socket.writableLength > this.#options.maxUnsentBytes && this.#cutIfSlow()) return;
    if (!Array.isArray(held)) {
      socket.write(held);
    } else if (bytes <= MAX_JOINED_BYTES) {
      socket.write(Buffer.concat(held, bytes));
    } else {
      socket.cork();
      for (const frame of held) socket.write(frame);
      socket.uncork();
    }
  }

  closing(): void {
    this.flush();
    this.#isClosing = true;
  }

  close(end: SessionEnd): void {
    this.#webSocket.close(CLOSE_CODES[end]);
  }

  /** Closes a socket that has been silent for too long. */
  closeIdle(): void {
    this.#webSocket.close(CLOSE_IDLE);
    this.session.transportClosed();
  }

  /** Ends the connection without a goodbye. */
  cut(): void {
    this.#webSocket.terminate();
    this.session.transportClosed();
  }

  heard(data: Buffer, isBinary: boolean): void {
    this.touched();
    try {
      if (isBinary) this.session.receiveBinary(data);
      else this.session.receiveText(data.toString());
    } catch (cause) {
      this.session.fail(cause);
    }
  }

  touched(): void {
    this.lastHeardAt = this.#options.environment.clock.now();
    // The pongs of ws count too, and do not pass through `send`.
    this.#cutIfSlow();
  }

  failed(cause: Error): void {
    this.#options.environment.logger.debug({ err: cause, socketId: this.session.socket.id }, "a socket failed");
  }

  ended(): void {
    this.session.transportClosed();
    this.#options.ended(this);
  }

  unsentBytes(): number {
    return this.#webSocket.bufferedAmount + this.#heldBytes;
  }

  #cutIfSlow(): boolean {
    const unsentBytes = this.unsentBytes();
    const isOpen = this.#webSocket.readyState === WebSocket.OPEN;
    if (!isOpen || unsentBytes <= this.#options.maxUnsentBytes) return false;
    const details = { unsentBytes, socketId: this.session.socket.id };
    this.#options.environment.logger.warn(details, "a client that reads too slowly is cut off");
    this.#options.environment.traffic?.cut();
    this.cut();
    return true;
  }

  whenDrained(listener: () => void): () => void {
    this.#drains ??= new DrainListeners(this.#options.environment.logger);
    const undo = this.#drains.add(listener);
    if (!this.#isDraining && this.#webSocket.readyState === WebSocket.OPEN) {
      this.#isDraining = true;
      this.flush();
      // What ws compresses is not with the socket yet; the last of it tells.
      this.#awaited = this.#compressing;
      if (this.#awaited === 0) this.#socket.write(NOTHING, (cause) => cause ?? this.#drained());
    }
    return undo;
  }

  #drained(): void {
    this.#isDraining = false;
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#drains?.tell();
    else this.#drains = undefined;
  }
}

/** What channels see of a connection. */
class ClientSocket implements ConnectedSocket {
  readonly #connection: WebSocketConnection;
  readonly id: string | null;
  readonly params: ConnectedSocket["params"];
  readonly headers: ConnectedSocket["headers"];
  readonly user: ConnectedSocket["user"];

  constructor(connection: WebSocketConnection, { params, headers }: ConnectRequest, { id, user }: ConnectAccepted) {
    this.#connection = connection;
    this.id = id ?? null;
    this.params = params;
    this.headers = headers;
    this.user = user;
  }

  unsentBytes(): number {
    return this.#connection.unsentBytes();
  }

  whenDrained(listener: () => void): () => void {
    return this.#connection.whenDrained(listener);
  }
}
