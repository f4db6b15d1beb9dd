import type { Clock, StoreId } from "@musubi/protocol";
import type { Assigns } from "./erased.js";
import type { Root } from "./root.js";
import type { RootInspection } from "./root-options.js";

/** Names roots across all connections: every client that mounted this pair has one. */
export interface RootPair {
  readonly module: string;
  readonly id: string;
}

/** A store in the roots of a pair. */
export interface RootAddress extends RootPair {
  /** A store in them; the root store by default. */
  readonly storeId?: StoreId;
}

/** Every live root of a server, found by what it was mounted as. */
export class RootRegistry {
  readonly #byRootId = new Map<string, Set<Root>>();
  /** Released ones whose stores still terminate. */
  readonly #ending = new Set<Root>();
  #size = 0;

  /** Roots that live, and those whose stores still terminate. */
  get size(): number {
    return this.#size + this.#ending.size;
  }

  add(root: Root): void {
    this.#size += 1;
    const same = this.#byRootId.get(root.rootId);
    if (same === undefined) this.#byRootId.set(root.rootId, new Set([root]));
    else same.add(root);
  }

  /** Forgets a root that has been released, but for {@link close}, which waits for its end; resolves with that. */
  async release(root: Root): Promise<void> {
    const same = this.#byRootId.get(root.rootId);
    if (same?.delete(root) === true && same.size === 0) this.#byRootId.delete(root.rootId);
    this.#size -= 1;
    this.#ending.add(root);
    // The root is in the middle of its transition: its end is known once that is through.
    await Promise.resolve();
    await root.close("shutdown");
    this.#ending.delete(root);
  }

  /** Enqueues a message for `info[name]` of every root at this address; how many took it. */
  send(address: RootAddress, name: string, message: unknown): number {
    return this.#count(address, (root) => root.send(name, message, address.storeId));
  }

  /** Enqueues a change of some assigns of a store of every root of a pair; how many took it. */
  sendUpdate(pair: RootPair, storeId: StoreId, assigns: Assigns): number {
    return this.#count(pair, (root) => root.sendUpdate(storeId, assigns));
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

  #count({ module, id }: RootPair, send: (root: Root) => boolean): number {
    let taken = 0;
    for (const root of this.#byRootId.get(rootIdOf(module, id)) ?? []) if (send(root)) taken += 1;
    return taken;
  }

  *#all(): Generator<Root> {
    for (const same of this.#byRootId.values()) yield* same;
  }
}

/** Names a root on the wire. Module names hold no `:`, so two pairs never share one. */
export function rootIdOf(module: string, id: string): string {
  return `${module}:${id}`;
}
