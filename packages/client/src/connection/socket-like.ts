import type { Observable } from "../observable.js";
import type { SocketDetail } from "../socket/socket-detail.js";

/** A push of phoenix.js, as far as this client uses it. */
export interface PushLike {
  receive(status: string, callback: (response: unknown) => void): PushLike;
  /** Answers it here, as its time-out does; private to phoenix.js, whose push else waits that long for nothing. */
  trigger?(status: string, response: unknown): void;
}

/** A channel of phoenix.js, as far as this client uses it. */
export interface ChannelLike {
  join(timeoutMs?: number): PushLike;
  leave(timeoutMs?: number): PushLike;
  push(event: string, payload: object, timeoutMs?: number): PushLike;
  on(event: string, callback: (payload: unknown) => void): unknown;
  onError(callback: (reason?: unknown) => void): unknown;
  onClose(callback: (payload: unknown, ref: unknown, joinRef: unknown) => void): unknown;
}

/**
 * A socket of phoenix.js's shape. The application brings it; it reconnects, and rejoins its channels, by itself.
 *
 * Structural, so that no types of phoenix.js reach an app that does not use them.
 */
export interface SocketLike {
  connect(): void;
  isConnected(): boolean;
  channel(topic: string, params?: object | (() => object)): ChannelLike;
  /** Returns a ref for `off`, as `onClose` does. */
  onOpen(callback: () => void): unknown;
  onClose(callback: (event: unknown) => void): unknown;
  off(refs: unknown[]): void;
  /** How it stands; of `createSocket`'s sockets. */
  readonly statusDetail?: Observable<SocketDetail>;
  /** Connects elsewhere, if it may; of `createSocket`'s sockets. */
  move?(url: string): boolean;
}
