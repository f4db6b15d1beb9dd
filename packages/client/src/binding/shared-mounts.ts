import type { AnyConnection, AnyStore } from "./any-store.js";
import { LOADING, type RootResult } from "./root-result.js";
import type { RootWish } from "./root-wish.js";
import { SharedMount } from "./shared-mount.js";

/**
 * The roots that the components of one connection hold, by module and id. It lives beside the connection and not in
 * a component's state, which a framework may make anew, as React does when a tree suspends.
 */
export class SharedMounts {
  readonly #connection: AnyConnection;
  readonly #retainConnection: () => () => void;
  readonly #mounts = new Map<string, SharedMount>();

  /** `retainConnection` keeps the connection open while any root is held; it returns its undo. */
  constructor(connection: AnyConnection, retainConnection: () => () => void) {
    this.#connection = connection;
    this.#retainConnection = retainConnection;
  }

  /** How a root stands, without holding it; the same object until it changes. */
  read({ module, id, paramsKey }: RootWish): RootResult<AnyStore> {
    return this.#mounts.get(keyOfRoot(module, id))?.read(paramsKey) ?? LOADING;
  }

  /** Holds a root; `listener` is called when what `read` returns may have changed. Returns the undo, to be called once. */
  retain(wish: RootWish, listener: () => void): () => void {
    const releaseConnection = this.#retainConnection();
    const release = this.#mountOf(wish).retain(wish, listener);
    return () => {
      // In this order, so that the unmount is on its way before the channel is left.
      release();
      releaseConnection();
    };
  }

  /** See {@link SharedMount.suspend}. */
  suspend(wish: RootWish): AnyStore | Promise<void> {
    this.#mounts.get(keyOfRoot(wish.module, wish.id))?.forget(wish.paramsKey);
    return this.#mountOf(wish).suspend(wish);
  }

  #mountOf({ module, id }: RootWish): SharedMount {
    const key = keyOfRoot(module, id);
    let mount = this.#mounts.get(key);
    if (mount === undefined) {
      mount = new SharedMount(this.#connection, this.#retainConnection, module, id, () => this.#mounts.delete(key));
      this.#mounts.set(key, mount);
    }
    return mount;
  }
}

function keyOfRoot(module: string, id: string): string {
  return JSON.stringify([module, id]);
}
