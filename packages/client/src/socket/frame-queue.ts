import { type Clock, isObject, PHX_JOIN, PHX_LEAVE, type TimerHandle } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { Unsubscribe } from "../observable.js";
import type { LastingBackoff } from "./lasting-backoff.js";
import type { Encode, PhoenixMessage } from "./phoenix-socket.js";
import type { TokenSource } from "./token-source.js";

/** What a {@link FrameQueue} needs. */
export interface FrameQueueOptions {
  /** How the socket encodes a frame. */
  readonly encode: Encode;
  readonly tokens: TokenSource;
  readonly isConnected: () => boolean;
  readonly createBackoff: () => LastingBackoff;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Frame {
  readonly message: PhoenixMessage;
  readonly callback: (data: unknown) => void;
}

/** A join that waits for its token, and the later frames of its topic. */
interface PendingJoin {
  readonly join: Frame;
  readonly later: Frame[];
  readonly backoff: LastingBackoff;
  stop: Unsubscribe;
}

/**
 * Outgoing frames: every `phx_join` gets a fresh token on its way out, and no later frame of its topic overtakes it.
 * Other topics do not wait; the heartbeat never does. A token that fails is asked for again, with back-off, for as
 * long as its join is wanted: a newer join of the topic, its leave, or the end of the transport drop it.
 */
export class FrameQueue {
  readonly #options: FrameQueueOptions;
  readonly #pending = new Map<string, PendingJoin>();

  constructor(options: FrameQueueOptions) {
    this.#options = options;
  }

  /** Encodes a frame, now or when its turn comes. */
  readonly encode: Encode = (message, callback) => {
    const frame: Frame = { message, callback };
    const { topic, event } = message;
    if (event === PHX_JOIN) return this.#join(frame);
    const pending = this.#pending.get(topic);
    if (pending === undefined) return this.#options.encode(message, callback);
    // The server has never heard of this join, so there is nothing to leave.
    if (event === PHX_LEAVE && message.join_ref === pending.join.message.join_ref) return this.#drop(topic, pending);
    pending.later.push(frame);
  };

  /** Drops what waits: its transport is gone, and phoenix.js joins again on the next. */
  clear(): void {
    for (const [topic, pending] of this.#pending) this.#drop(topic, pending);
  }

  #join(join: Frame): void {
    const { topic } = join.message;
    const older = this.#pending.get(topic);
    if (older !== undefined) this.#drop(topic, older);
    const pending: PendingJoin = { join, later: [], backoff: this.#options.createBackoff(), stop: () => {} };
    this.#pending.set(topic, pending);
    this.#ask(pending);
  }

  #ask(pending: PendingJoin): void {
    let isSettled = false;
    const stop = this.#options.tokens.read({
      onToken: (token) => {
        isSettled = true;
        this.#flush(pending, token);
      },
      onFailure: (error) => {
        isSettled = true;
        this.#askLater(pending, error);
      },
    });
    if (!isSettled) pending.stop = stop;
  }

  #askLater(pending: PendingJoin, error: unknown): void {
    const { clock, logger } = this.#options;
    const { topic } = pending.join.message;
    const timer: TimerHandle = clock.setTimeout(() => this.#ask(pending), pending.backoff.nextMs());
    pending.stop = () => clock.clearTimeout(timer);
    logger.error(`No token for the join of ${topic}; it is asked for again.`, error);
  }

  #flush(pending: PendingJoin, token: string | undefined): void {
    const { join, later } = pending;
    this.#pending.delete(join.message.topic);
    this.#send({ ...join, message: withToken(join.message, token) });
    for (const frame of later) this.#send(frame);
  }

  #send({ message, callback }: Frame): void {
    const { encode, isConnected, logger } = this.#options;
    // phoenix.js 1.7 would write into whatever transport is there by now.
    if (!isConnected()) return;
    try {
      encode(message, callback);
    } catch (cause) {
      logger.error(`A ${message.event} of ${message.topic} could not be sent.`, cause);
    }
  }

  #drop(topic: string, pending: PendingJoin): void {
    this.#pending.delete(topic);
    pending.stop();
  }
}

/** A join that brings a `token` of its own, as an upload's does, keeps it. */
function withToken(message: PhoenixMessage, token: string | undefined): PhoenixMessage {
  const { payload } = message;
  if (token === undefined || !isObject(payload) || payload instanceof ArrayBuffer) return message;
  return { ...message, payload: { token, ...payload } };
}
