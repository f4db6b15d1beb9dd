import type { Logger } from "../logger.js";
import type { Broadcast } from "./broadcast.js";
import type { ChannelContext, ConnectedSocket, DeferredReply } from "./channel.js";
import type { PubSub } from "./pubsub.js";

/** What a {@link LiveContext} asks of the channel behind it. */
export interface ContextOwner {
  readonly topic: string;
  readonly socket: ConnectedSocket;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  signal(): AbortSignal;
  push(event: string, payload: unknown): void;
  relay(message: Broadcast): void;
  broadcast(event: string, payload: unknown, exceptSelf: boolean): void;
  defer(): DeferredReply;
  tell(message: unknown): void;
}

/** The context that a channel's code gets: the contract's members and nothing of the driver behind them. */
export class LiveContext implements ChannelContext {
  readonly #owner: ContextOwner;
  state: unknown = undefined;

  constructor(owner: ContextOwner) {
    this.#owner = owner;
  }

  get topic(): string {
    return this.#owner.topic;
  }

  get socket(): ConnectedSocket {
    return this.#owner.socket;
  }

  get logger(): Logger {
    return this.#owner.logger;
  }

  get pubsub(): PubSub {
    return this.#owner.pubsub;
  }

  get signal(): AbortSignal {
    return this.#owner.signal();
  }

  push(event: string, payload: unknown): void {
    this.#owner.push(event, payload);
  }

  /** Hands this channel alone a broadcast, as if it had come by PubSub; for presence. While joining it waits. */
  relay(message: Broadcast): void {
    this.#owner.relay(message);
  }

  broadcast(event: string, payload: unknown): void {
    this.#owner.broadcast(event, payload, false);
  }

  broadcastFrom(event: string, payload: unknown): void {
    this.#owner.broadcast(event, payload, true);
  }

  defer(): DeferredReply {
    return this.#owner.defer();
  }

  send(message: unknown): void {
    this.#owner.tell(message);
  }
}
