import { MAX_HELD_PER_ROOT, MAX_HELD_ROOTS } from "@musubi/protocol";

/** An event of the connection channel that names a root. */
export type RoutedEvent = "patch" | "root_down" | "settled";

/** A message for a root that no mount reply has named yet. */
export interface HeldMessage {
  readonly event: RoutedEvent;
  readonly payload: unknown;
}

/** What was held for a `root_id`: its messages in order, or that there were too many to keep. */
export type HeldFor = { readonly messages: readonly HeldMessage[]; readonly overflowed: boolean };

const NOTHING: HeldFor = { messages: [], overflowed: false };

/**
 * Messages that came before the mount reply that names their root (protocol.md section 2): at most 64 per `root_id`
 * and 16 `root_id`s. On overflow all of that `root_id` go, and whoever takes them is told, so as to recover.
 */
export class HeldMessages {
  readonly #byRoot = new Map<string, HeldMessage[] | "overflowed">();
  #refusedRoots = false;

  hold(rootId: string, message: HeldMessage): void {
    const held = this.#byRoot.get(rootId);
    if (held === "overflowed") return;
    if (held === undefined) {
      if (this.#byRoot.size >= MAX_HELD_ROOTS) this.#refusedRoots = true;
      else this.#byRoot.set(rootId, [message]);
    } else if (held.length >= MAX_HELD_PER_ROOT) {
      this.#byRoot.set(rootId, "overflowed");
    } else {
      held.push(message);
    }
  }

  /** Hands over what is held for `rootId`, and forgets it. */
  take(rootId: string): HeldFor {
    const held = this.#byRoot.get(rootId);
    if (held === undefined) return this.#refusedRoots ? { messages: [], overflowed: true } : NOTHING;
    this.#byRoot.delete(rootId);
    return held === "overflowed" ? { messages: [], overflowed: true } : { messages: held, overflowed: false };
  }

  /** The `root_id`s for which something is held. */
  rootIds(): string[] {
    return Array.from(this.#byRoot.keys());
  }

  clear(): void {
    this.#byRoot.clear();
    this.#refusedRoots = false;
  }
}
