import { isObject, PATCH, ROOT_DOWN, SETTLED } from "@musubi/protocol";
import type { ConnectionReason } from "./connection-detail.js";
import type { JoinEnd } from "./connection-state.js";
import type { LinkAnswer } from "./root-link.js";
import type { ChannelLike, PushLike } from "./socket-like.js";
import type { ChannelHost } from "./topology.js";

/** What a {@link LiveChannel} needs of its connection. */
type LiveChannelHost = Pick<ChannelHost, "socket" | "clock" | "logger">;

/** An event that the server pushes for a root. */
export type RootMessage = typeof PATCH | typeof ROOT_DOWN | typeof SETTLED;

/** What a {@link LiveChannel} tells; when it does, the waits of the join before are over already. */
export interface ChannelOwner {
  /** The join, or a rejoin of phoenix.js, was answered ok. */
  handleJoined(response: unknown): void;
  /** There is no join, or not any more. phoenix.js tries again, unless the channel was closed. Without a `reason` the socket went. */
  handleUnjoined(end: JoinEnd, reason?: ConnectionReason): void;
  handleMessage(event: RootMessage, payload: unknown): void;
}

/**
 * A channel object of phoenix.js through all its joins, and the waits of the present one: when that ends all of them
 * end silently, here and nowhere else. What still arrives for them is dropped, and their owners hear of the loss from
 * the channel. Nothing throws into phoenix.js, and after `leave` nothing is told.
 *
 * Each wait has its own timer, since a reply whose status is neither ok nor error reaches no hook of phoenix.js.
 */
export class LiveChannel {
  readonly #host: LiveChannelHost;
  readonly #channel: ChannelLike;
  /** The undos of the waits of the present join; `undefined` outside of one. */
  #waits: Set<() => void> | undefined;
  #isLeft = false;

  /** Joins; `payload` is asked for at every rejoin too. */
  constructor(host: LiveChannelHost, topic: string, payload: () => object, owner: ChannelOwner) {
    const { socket, logger } = host;
    const channel = socket.channel(topic, payload);
    this.#host = host;
    this.#channel = channel;
    const hook =
      (handle: (value: unknown) => void) =>
      (value: unknown): void => {
        if (this.#isLeft) return;
        try {
          handle(value);
        } catch (cause) {
          logger.error("A Musubi message handler threw.", cause);
        }
      };
    const end = (
      how: JoinEnd,
      reasonOf: (value: unknown) => ConnectionReason | undefined,
    ): ((value: unknown) => void) =>
      hook((value) => {
        const reason = reasonOf(value);
        this.#endJoin();
        owner.handleUnjoined(how, reason);
      });
    for (const event of [PATCH, ROOT_DOWN, SETTLED] as const) {
      channel.on(
        event,
        hook((message) => owner.handleMessage(event, message)),
      );
    }
    channel.onError(
      end("lost", (reason) =>
        !socket.isConnected() || (isObject(reason) && reason["source"] === "transport")
          ? undefined
          : { kind: "channel_crashed" },
      ),
    );
    channel.onClose(
      end("channel_closed", () => {
        this.#isLeft = true;
        // phoenix.js would join again once the time for the answer to a join is over, and take the topic from another.
        if (this.#waits === undefined) channel.leave();
        return { kind: "channel_closed" };
      }),
    );
    channel
      .join()
      .receive(
        "ok",
        hook((response) => {
          this.#endJoin();
          this.#waits = new Set();
          owner.handleJoined(response);
        }),
      )
      .receive(
        "error",
        end("join_refused", (details) => ({ kind: "join_refused", details })),
      )
      .receive(
        "timeout",
        end("lost", () => ({ kind: "join_timeout" })),
      );
  }

  /** Whether a push would go out now, rather than into phoenix.js's buffer, which replays it before the next join. */
  get isOpen(): boolean {
    return this.#waits !== undefined && this.#host.socket.isConnected();
  }

  /**
   * Pushes `event`; `answer` is called at most once, in this join. Returns the undo of the wait. `timeoutMs` is in
   * milliseconds.
   */
  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    const { clock } = this.#host;
    const waits = this.#waits;
    if (waits === undefined) return () => {};
    let sent: PushLike | undefined;
    const end = (): boolean => {
      clock.clearTimeout(timer);
      return waits.delete(undo);
    };
    // phoenix.js would keep the push, and what it carries, until its own timer runs out: also of a channel that is left.
    const undo = (): void => {
      if (end()) sent?.trigger?.("timeout", {});
    };
    const settle =
      (status: LinkAnswer["status"]) =>
      (response?: unknown): void => {
        if (end()) answer({ status, response });
      };
    const timer = clock.setTimeout(settle("timeout"), timeoutMs);
    waits.add(undo);
    // Else the socket is going down: the end of this join follows, and ends this wait. phoenix.js forgets a push when
    // its own timer runs out, so that one has to be the longer of the two.
    if (this.isOpen) {
      sent = this.#channel
        .push(event, payload, timeoutMs + 1_000)
        .receive("ok", settle("ok"))
        .receive("error", settle("error"));
    }
    return undo;
  }

  /** Lets go of the channel object, which is left on the server too. */
  leave(): PushLike {
    this.#isLeft = true;
    this.#endJoin();
    return this.#channel.leave();
  }

  #endJoin(): void {
    for (const undo of this.#waits ?? []) undo();
    this.#waits = undefined;
  }
}
