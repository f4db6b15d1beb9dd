import type { ChannelHost } from "./channel-host.js";
import type { Outgoing } from "./outgoing.js";

/** What a channel has to say while its join runs: it follows the join's answer. */
export class EarlyPushes {
  readonly #host: Pick<ChannelHost, "reserve" | "unreserve" | "send">;
  #messages: Outgoing[] = [];
  #bytes = 0;

  constructor(host: Pick<ChannelHost, "reserve" | "unreserve" | "send">) {
    this.#host = host;
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Keeps a broadcast, which others have too. */
  share(message: Outgoing): void {
    this.#messages.push(message);
  }

  /** Keeps a message of the channel's own; `false` when the socket may hold no more of them. */
  add(message: Outgoing): boolean {
    const bytes = message.data.length;
    if (!this.#host.reserve(bytes)) return false;
    this.#bytes += bytes;
    this.#messages.push(message);
    return true;
  }

  send(): void {
    for (const message of this.#messages) this.#host.send(message);
  }

  /** What is kept counts no more; returns what is left of this. */
  drop(): undefined {
    this.#host.unreserve(this.#bytes);
  }
}
