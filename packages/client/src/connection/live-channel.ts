import { isObject, PATCH, ROOT_DOWN, SETTLED } from "@musubi/protocol";
import type { ConnectionReason } from "./connection-detail.js";
import { JoinRequests } from "./requests.js";
import type { LinkAnswer } from "./root-link.js";
import type { ChannelLike, PushLike } from "./socket-like.js";
import { type ChannelHost, guarded } from "./topology.js";

/** An event that the server pushes for a root. */
export type RootMessage = typeof PATCH | typeof ROOT_DOWN | typeof SETTLED;

/** What a {@link LiveChannel} tells; when it does, the waits of the join before are over already. */
export interface ChannelOwner {
  /** The join, or a rejoin of phoenix.js, was answered ok. */
  handleJoined(response: unknown): void;
  /** It was answered with an error; phoenix.js tries again. */
  handleRefused(response: unknown): void;
  /** The join is over or timed out; phoenix.js tries again. `undefined`: the socket went. */
  handleLost(reason?: ConnectionReason): void;
  /** The server closed the channel, which is the end of it. */
  handleClosed(): void;
  handleMessage(event: RootMessage, payload: unknown): void;
}

/**
 * A channel object of phoenix.js through all its joins, and the requests of the present one. Nothing throws into
 * phoenix.js, and after `leave` nothing is told.
 */
export class LiveChannel {
  readonly #channel: ChannelLike;
  #requests: JoinRequests | undefined;
  #isLeft = false;

  /** Joins; `payload` is asked for at every rejoin too. */
  constructor(
    host: Pick<ChannelHost, "socket" | "clock" | "logger">,
    topic: string,
    payload: () => object,
    owner: ChannelOwner,
  ) {
    const { socket, clock, logger } = host;
    const isConnected = (): boolean => socket.isConnected();
    const channel = socket.channel(topic, payload);
    this.#channel = channel;
    const isCurrent = (): boolean => !this.#isLeft;
    const hook = (handle: (value: unknown) => void, isJoined?: boolean): ((value: unknown) => void) =>
      guarded(logger, isCurrent, (value: unknown) => {
        if (isJoined !== undefined) this.#endJoin();
        if (isJoined === true) this.#requests = new JoinRequests(channel, isConnected, clock);
        handle(value);
      });
    for (const event of [PATCH, ROOT_DOWN, SETTLED] as const) {
      channel.on(
        event,
        hook((value) => owner.handleMessage(event, value)),
      );
    }
    channel.onError(
      hook((reason) => {
        const isSocket = !isConnected() || (isObject(reason) && reason["source"] === "transport");
        owner.handleLost(isSocket ? undefined : { kind: "channel_crashed" });
      }, false),
    );
    channel.onClose(
      guarded(logger, isCurrent, () => {
        this.#isLeft = true;
        // phoenix.js would join again once the time for the answer to a join is over, and take the topic from another.
        if (this.#requests === undefined) channel.leave();
        this.#endJoin();
        owner.handleClosed();
      }),
    );
    channel
      .join()
      .receive(
        "ok",
        hook((response) => owner.handleJoined(response), true),
      )
      .receive(
        "error",
        hook((response) => owner.handleRefused(response), false),
      )
      .receive(
        "timeout",
        hook(() => owner.handleLost({ kind: "join_timeout" }), false),
      );
  }

  /** Whether a push would go out now. */
  get isOpen(): boolean {
    return this.#requests?.isOpen === true;
  }

  /** Pushes `event`; `answer` is called at most once, in this join. Returns the undo of the wait. */
  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    return this.#requests?.push(event, payload, timeoutMs, answer) ?? (() => {});
  }

  /** Lets go of the channel object, which is left on the server too. */
  leave(): PushLike {
    this.#isLeft = true;
    this.#endJoin();
    return this.#channel.leave();
  }

  #endJoin(): void {
    this.#requests?.end();
    this.#requests = undefined;
  }
}
