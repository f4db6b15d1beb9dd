import { WebSocket } from "ws";

/** What a WebSocket tells the connection that owns it. */
export interface WebSocketOwner {
  heard(data: Buffer, isBinary: boolean): void;
  /** A ping or a pong came. */
  touched(): void;
  /** ws closes by itself upon an error, with the code that fits: 1002, 1007 or 1009. */
  failed(cause: Error): void;
  ended(): void;
  /** Last call to write: a close frame follows. */
  closing(): void;
}

/**
 * A WebSocket with one owner, whose listeners are shared by all of them: an idle socket costs no closures.
 *
 * Answers every goodbye of a client with 1000 and never gives a reason, like Bandit (FRAMES.md, "Closing").
 */
export class OwnedWebSocket extends WebSocket {
  owner: WebSocketOwner | undefined = undefined;

  own(owner: WebSocketOwner): void {
    this.owner = owner;
    this.on("message", onMessage);
    this.on("ping", onTouch);
    this.on("pong", onTouch);
    this.on("error", onError);
    this.on("close", onClose);
  }

  // ws repeats a client's code and reason, or neither, here; its own errors and our closes bring a code alone.
  override close(code?: number, repeated?: string | Buffer): void {
    this.owner?.closing();
    super.close(code === undefined || repeated !== undefined ? 1000 : code);
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  // ws hands out a Buffer unless its binaryType is changed.
  ownerOf(this)?.heard(data as Buffer, isBinary);
}

function onTouch(this: WebSocket): void {
  ownerOf(this)?.touched();
}

function onError(this: WebSocket, cause: Error): void {
  ownerOf(this)?.failed(cause);
}

function onClose(this: WebSocket): void {
  ownerOf(this)?.ended();
}

function ownerOf(webSocket: WebSocket): WebSocketOwner | undefined {
  return webSocket instanceof OwnedWebSocket ? webSocket.owner : undefined;
}
