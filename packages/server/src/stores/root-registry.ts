import type { Clock, StoreId } from "@musubi/protocol";
import type { Root } from "./root.js";
import type { RootInspection } from "./root-options.js";

/** Names roots across all connections: every client that mounted this pair has one. */
export interface RootAddress {
  readonly module: string;
  readonly id: string;
  /** A store in them; the root store by default. */
  readonly storeId?: StoreId;
}

/** Every live root of a server, found by what it was mounted as. */
export class RootRegistry {
  readonly #byRootId = new Map<string, Set<Root>>();
  /** Released ones whose stores still terminate. */
  readonly #ending = new Set<Root>();

  add(root: Root): void {
    const same = this.#byRootId.get(root.rootId);
    if (same === undefined) this.#byRootId.set(root.rootId, new Set([root]));
    else same.add(root);
  }

  /** Forgets a root that has been released, but for {@link close}, which waits for its end. */
  release(root: Root): void {
    const same = this.#byRootId.get(root.rootId);
    if (same?.delete(root) === true && same.size === 0) this.#byRootId.delete(root.rootId);
    this.#ending.add(root);
    void this.#forget(root);
  }

  /** Enqueues a message for `info[name]` of every root at this address; how many took it. */
  send(address: RootAddress, name: string, message: unknown): number {
    let taken = 0;
    for (const root of this.#byRootId.get(rootIdOf(address.module, address.id)) ?? []) {
      if (root.send(name, message, address.storeId)) taken += 1;
    }
    return taken;
  }

  inspect(): readonly RootInspection[] {
    return [...this.#all()].map((root) => root.inspect());
  }

  /** Ends every root; resolves when all have terminated, or after `timeoutMs` with those that would not. */
  async close(clock: Clock, timeoutMs: number): Promise<void> {
    const ended = Promise.all([...this.#all(), ...this.#ending].map((root) => root.close("shutdown")));
    await new Promise<void>((resolve, reject) => {
      const timer = clock.setTimeout(resolve, timeoutMs);
      ended.then(() => resolve(), reject).finally(() => clock.clearTimeout(timer));
    });
  }

  async #forget(root: Root): Promise<void> {
    // The root is in the middle of its transition: its end is known once that is through.
    await Promise.resolve();
    await root.close("shutdown");
    this.#ending.delete(root);
  }

  *#all(): Generator<Root> {
    for (const same of this.#byRootId.values()) yield* same;
  }
}

/** Names a root on the wire. Module names hold no `:`, so two pairs never share one. */
export function rootIdOf(module: string, id: string): string {
  return `${module}:${id}`;
}
