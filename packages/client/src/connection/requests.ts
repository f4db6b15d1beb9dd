import type { Clock } from "@musubi/protocol";
import type { LinkAnswer } from "./root-link.js";
import type { ChannelLike, PushLike } from "./socket-like.js";

/**
 * The waits of one join of one channel. When the join ends all of them end silently, here and nowhere else: what
 * still arrives for them is dropped, and their owners hear of the loss from the channel.
 *
 * Each wait has its own timer, since a reply whose status is neither ok nor error reaches no hook of phoenix.js.
 */
export class JoinRequests {
  readonly #channel: ChannelLike;
  readonly #isConnected: () => boolean;
  readonly #clock: Clock;
  readonly #waits = new Set<() => void>();

  constructor(channel: ChannelLike, isConnected: () => boolean, clock: Clock) {
    this.#channel = channel;
    this.#isConnected = isConnected;
    this.#clock = clock;
  }

  /** Whether a push would go out now, rather than into phoenix.js's buffer, which replays it before the next join. */
  get isOpen(): boolean {
    return this.#isConnected();
  }

  /** Pushes `event`; `answer` is called at most once. Returns the undo of the wait. `timeoutMs` is in milliseconds. */
  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    let sent: PushLike | undefined;
    const end = (): boolean => {
      this.#clock.clearTimeout(timer);
      return this.#waits.delete(undo);
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
    const timer = this.#clock.setTimeout(settle("timeout"), timeoutMs);
    this.#waits.add(undo);
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

  /** Ends every wait without an answer. Nothing may be pushed afterwards. */
  end(): void {
    for (const undo of this.#waits) undo();
  }
}
