import type { SocketLike } from "../connection/socket-like.js";

/**
 * A socket of phoenix.js 1.7 or 1.8, as far as `createSocket` uses it: public methods only.
 *
 * Structural, so that no types of phoenix.js reach an app that does not use them.
 */
export interface PhoenixSocket extends SocketLike {
  connect(): void;
  disconnect(callback?: () => void, code?: number, reason?: string): void;
  connectionState(): string;
  push(message: object): void;
  makeRef(): string;
  onOpen(callback: () => void): unknown;
  onClose(callback: (event: unknown) => void): unknown;
  onError(callback: () => void): unknown;
  onMessage(callback: (message: object) => void): unknown;
}

/** The class `Socket` of phoenix.js. */
export type PhoenixSocketClass<S extends PhoenixSocket> = new (url: string, options?: object) => S;

/** A message as phoenix.js hands it to `encode`, and takes it from `decode`. */
export interface PhoenixMessage {
  readonly join_ref?: string | null;
  readonly ref?: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
}

/** phoenix.js's `encode`: calls back with what goes on the wire, now or later. */
export type Encode = (message: PhoenixMessage, callback: (data: unknown) => void) => void;

/** phoenix.js's `decode`: calls back with a message, now or later. */
export type Decode = (data: unknown, callback: (message: PhoenixMessage) => void) => void;

/**
 * The instance members that phoenix.js reads each time it needs them, so that they can be replaced on a socket. Its
 * types leave them out.
 */
export interface Replaceable {
  /** The transport that is there, if one is; only ever read. */
  readonly conn?: { close(): void } | null;
  /** Tells channels that their transport is gone. */
  triggerChanError(): void;
  /** The address of every attempt, without its query. */
  endPoint: string;
  encode: Encode;
  decode: Decode;
  rejoinAfterMs: (tries: number) => number;
}
