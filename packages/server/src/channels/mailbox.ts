import type { Frame } from "@musubi/protocol";

/** A push of the client while it waits and while its handler runs: at most one answer, whoever gives it. */
export interface PushMail {
  readonly kind: "push";
  readonly frame: Frame;
  /** What the frame weighs among those that wait on its socket. */
  readonly bytes: number;
  /** The handler took the answer over with `defer`. */
  deferred: boolean;
  answered: boolean;
}

/** What waits for a channel's code. */
export type Mail =
  | PushMail
  /** The client's `phx_leave`. */
  | { readonly kind: "leave"; readonly frame: Frame; readonly bytes: number }
  /** What `ctx.send` was given. */
  | { readonly kind: "info"; readonly message: unknown; readonly bytes: 0 }
  /** A broadcast that the channel intercepts. */
  | { readonly kind: "intercepted"; readonly event: string; readonly payload: unknown; readonly bytes: 0 };

/** A first-in, first-out queue; taking costs the same however many wait. */
export class Mailbox {
  #items: Mail[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  put(mail: Mail): void {
    this.#items.push(mail);
  }

  take(): Mail | undefined {
    const mail = this.#items[this.#head];
    if (mail === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#items.length || this.#head >= 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return mail;
  }

  /** Takes everything. */
  clear(): readonly Mail[] {
    const rest = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return rest;
  }
}
