import type { ChannelLike, PushLike, SocketLike } from "@musubi/client";

/**
 * A socket that answers every push with ok at once and hands messages straight to the channel's callbacks, so that a
 * bench times the client and nothing of a transport.
 */
export class DirectSocket implements SocketLike {
  readonly #callbacks = new Map<string, (payload: unknown) => void>();

  connect(): void {}

  isConnected(): boolean {
    return true;
  }

  onOpen(): string {
    return "";
  }

  onClose(): string {
    return "";
  }

  off(): void {}

  channel(): ChannelLike {
    const channel: ChannelLike = {
      join: () => ANSWERED,
      leave: () => ANSWERED,
      push: () => ANSWERED,
      on: (event, callback) => this.#callbacks.set(event, callback),
      onError: () => {},
      onClose: () => {},
    };
    return channel;
  }

  /** Delivers a message of the server. */
  deliver(event: string, payload: unknown): void {
    this.#callbacks.get(event)?.(payload);
  }
}

const ANSWERED: PushLike = {
  receive(status, callback) {
    if (status === "ok") callback({});
    return ANSWERED;
  },
};
