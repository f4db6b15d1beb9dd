import { MAX_HELD_PER_ROOT, MAX_HELD_ROOTS } from "@musubi/protocol";

/**
 * Messages that came before the mount reply that names their root (protocol.md section 2): at most 64 per `root_id`
 * and 16 `root_id`s. On overflow all of that `root_id` go, and whoever takes them is told, so as to recover.
 */
export class HeldMessages<Message> {
  /** One more than may be kept: there were too many. */
  readonly #byRoot = new Map<string, Message[]>();
  #hasRefused = false;

  hold(rootId: string, message: Message): void {
    const held = this.#byRoot.get(rootId);
    if (held !== undefined) {
      if (held.length <= MAX_HELD_PER_ROOT) held.push(message);
    } else if (this.#byRoot.size < MAX_HELD_ROOTS) this.#byRoot.set(rootId, [message]);
    else this.#hasRefused = true;
  }

  /** Hands over what is held for `rootId`, in order, and forgets it; `undefined` when there was too much to keep. */
  take(rootId: string): readonly Message[] | undefined {
    const held = this.#byRoot.get(rootId) ?? (this.#hasRefused ? undefined : []);
    this.#byRoot.delete(rootId);
    return held !== undefined && held.length <= MAX_HELD_PER_ROOT ? held : undefined;
  }

  /** Forgets everything; returns the `root_id`s for which something was held. */
  clear(): readonly string[] {
    const rootIds = Array.from(this.#byRoot.keys());
    this.#byRoot.clear();
    this.#hasRefused = false;
    return rootIds;
  }
}
