import type { AnyConnection, AnyStore } from "./any-store.js";
import { LOADING, type RootResult } from "./root-result.js";
import { SharedMount } from "./shared-mount.js";

/**
 * The roots that the components of one connection hold, by module and id. It lives beside the connection and not in
 * React's state, which is made anew when a tree suspends or is given up.
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
  read(module: string, id: string, paramsKey: string): RootResult<AnyStore> {
    return this.#mounts.get(keyOfRoot(module, id))?.read(paramsKey) ?? LOADING;
  }

  /** Holds a root. `paramsKey` is the canonical JSON of its params. Returns the undo. */
  retain(module: string, id: string, paramsKey: string, listener: () => void): () => void {
    const key = keyOfRoot(module, id);
    let mount = this.#mounts.get(key);
    if (mount === undefined) {
      mount = new SharedMount(this.#connection, module, id, () => this.#mounts.delete(key));
      this.#mounts.set(key, mount);
    }
    const releaseConnection = this.#retainConnection();
    const release = mount.retain(paramsKey, listener);
    return () => {
      // In this order, so that the unmount is on its way before the channel is left.
      release();
      releaseConnection();
    };
  }
}

function keyOfRoot(module: string, id: string): string {
  return JSON.stringify([module, id]);
}
