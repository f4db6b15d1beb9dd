import { UPLOAD_PROGRESS } from "@musubi/protocol";
import type { LinkAnswer } from "../connection/root-link.js";
import type { UploadRoot } from "./upload-root.js";

interface Message {
  readonly event: string;
  readonly payload: object;
  readonly answer: (answer: LinkAnswer) => void;
  undo: () => void;
}

/**
 * What a root's uploads have to tell the server, until it answers: sent while the root is live, and again after a
 * drop that the root outlived. None of it waits in phoenix.js's buffer.
 */
export class UploadOutbox {
  readonly #root: UploadRoot;
  readonly #messages = new Set<Message>();

  constructor(root: UploadRoot) {
    this.#root = root;
  }

  get isLive(): boolean {
    return this.#root.state.current.status === "live" && this.#root.link?.isOpen === true;
  }

  /** Sends now, and once: when the root is not live, or goes away before the answer, nothing comes of it. */
  push(event: string, payload: object, answer: (answer: LinkAnswer) => void = () => {}): () => void {
    const { link, host } = this.#root;
    return (this.isLive && link?.push(event, payload, host.commandTimeoutMs, answer)) || (() => {});
  }

  /** Sends as soon as the root is live, until there is an answer. That of progress may be a timeout. */
  tell(event: string, payload: object, answer: (answer: LinkAnswer) => void): void {
    const message: Message = { event, payload, answer, undo: () => {} };
    this.#messages.add(message);
    this.#send(message);
  }

  /** The root is live. */
  flush(): void {
    for (const message of Array.from(this.#messages)) this.#send(message);
  }

  /** The root begins anew, or has ended: nobody is to be told any more. */
  clear(): void {
    for (const { undo } of this.#messages) undo();
    this.#messages.clear();
  }

  #send(message: Message): void {
    message.undo = this.push(message.event, message.payload, (answer) => {
      // An end that nobody answers has been lost, it may be, with a connection that is not known to be dead yet.
      if (answer.status === "timeout" && message.event !== UPLOAD_PROGRESS) return;
      if (this.#messages.delete(message)) message.answer(answer);
    });
  }
}
