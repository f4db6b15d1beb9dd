import type { Clock, TimerHandle } from "@musubi/protocol";
import type { LinkAnswer } from "./root-link.js";
import type { ChannelLike } from "./socket-like.js";

interface Wait {
  readonly timer: TimerHandle;
}

/**
 * The waits of one join of one channel. When the join ends all of them end silently, here and nowhere else: what
 * still arrives for them is dropped, and their owners hear of the loss from the connection.
 *
 * Each wait has its own timer, since a reply whose status is neither ok nor error reaches no hook of phoenix.js.
 */
export class JoinRequests {
  readonly #channel: ChannelLike;
  readonly #isConnected: () => boolean;
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();
  #ended = false;

  constructor(channel: ChannelLike, isConnected: () => boolean, clock: Clock) {
    this.#channel = channel;
    this.#isConnected = isConnected;
    this.#clock = clock;
  }

  /** Whether a push would go out now, rather than into phoenix.js's buffer, which replays it before the next join. */
  get isOpen(): boolean {
    return !this.#ended && this.#isConnected();
  }

  /** Pushes `event`; `answer` is called at most once. Returns the undo of the wait. `timeoutMs` is in milliseconds. */
  push(event: string, payload: object, timeoutMs: number, answer: (answer: LinkAnswer) => void): () => void {
    if (this.#ended) return () => {};
    const wait: Wait = { timer: this.#clock.setTimeout(() => settle({ status: "timeout" }), timeoutMs) };
    const end = (): boolean => {
      if (!this.#waits.delete(wait)) return false;
      this.#clock.clearTimeout(wait.timer);
      return true;
    };
    const settle = (result: LinkAnswer): void => {
      if (end()) answer(result);
    };
    this.#waits.add(wait);
    // The socket is going down: the end of this join follows, and ends this wait.
    if (!this.#isConnected()) return () => void end();
    // phoenix.js forgets a push when its own timer runs out, so that one has to be the longer of the two.
    this.#channel
      .push(event, payload, timeoutMs + 1_000)
      .receive("ok", (response) => settle({ status: "ok", response }))
      .receive("error", (response) => settle({ status: "error", response }));
    return () => void end();
  }

  /** Ends every wait without an answer. */
  end(): void {
    this.#ended = true;
    for (const wait of this.#waits) this.#clock.clearTimeout(wait.timer);
    this.#waits.clear();
  }
}
