import type { StoreDef } from "@musubi/protocol";
import { withCacheEngine } from "./cache/attach-cache.js";
import type { CacheOptions, CacheTarget } from "./cache/cache-options.js";
import type { Connection } from "./connection/connection.js";
import type { ConnectionDetail, ConnectionStatus } from "./connection/connection-detail.js";
import { type ConnectOptions, getSharedRuntime } from "./connection/shared-runtime.js";
import type { SocketLike } from "./connection/socket-like.js";
import type { Observable } from "./observable.js";
import { storeProxy } from "./proxy.js";
import type { MountState } from "./root/mount-state.js";
import type { Root } from "./root/root.js";
import type { DefaultRegistry, MountParams, StoreModule, StoreProxy } from "./types.js";

/** Which store to mount. */
export interface MountOptions<M, R = DefaultRegistry> {
  /** The store's module name. */
  readonly module: M;
  /** The root's id within its module: two mounts of one module and id are one root. */
  readonly id: string;
  /** What the server's `mount` gets; default `{}`. */
  readonly params?: MountParams<M, R> & object;
  /** Shows the last known state until the server's own is there. The first holder's options count. Default: none. */
  readonly cache?: CacheOptions;
}

/** A hold on a mounted root. */
export interface MountedStore<M, R = DefaultRegistry> {
  readonly store: StoreProxy<M, R>;
  readonly state: Observable<MountState>;
  /** Gives this hold back; the root is unmounted a grace after the last one. Never rejects; further calls do nothing. */
  readonly unmount: () => Promise<void>;
  /** Mounts the root again with other params; the last state stays readable until the new one is there. */
  readonly remount: (params: MountParams<M, R> & object) => Promise<void>;
  /**
   * Resolves when the state shown is the server's own rather than a cached one; rejects with a `MusubiMountError` when
   * the server refuses it, or the root is closed, before. Need not be handled.
   */
  readonly revalidated: Promise<void>;
}

/** A hold on a root that is there at once, whether it has state or not: for bindings, which cannot wait. */
export interface OpenedRoot<M, R = DefaultRegistry> {
  /** Reads `undefined` until the root has had state. The same proxy for all holders of one root. */
  readonly store: StoreProxy<M, R>;
  readonly state: Observable<MountState>;
  /** Resolves at the first state, a cached one too; rejects with a `MusubiMountError` or `MusubiDisconnectedError`. */
  readonly ready: Promise<void>;
  /** As {@link MountedStore.revalidated}. */
  readonly revalidated: Promise<void>;
  /** As {@link MountedStore.remount}. */
  readonly remount: (params: MountParams<M, R> & object) => Promise<void>;
  /** Gives this hold back, also after a failure; further calls do nothing. */
  readonly release: () => void;
}

/** A client's connection: one holder of a shared channel (client.md rule 1). */
export interface MusubiConnection<R = DefaultRegistry> {
  readonly status: Observable<ConnectionStatus>;
  /** `status` with its reason: what an app can show beside "reconnecting". */
  readonly statusDetail: Observable<ConnectionDetail>;
  /**
   * Mounts a root, or shares the one that is mounted. Resolves when its first state is there; rejects with a
   * `MusubiMountError` that carries the server's reason, and then leaves nothing behind.
   */
  mountStore<M extends StoreModule<R>>(options: MountOptions<M, R>): Promise<MountedStore<M, R>>;
  /** As `mountStore`, without the wait: failures show in `state` and `ready`, and the hold is kept until released. */
  openRoot<M extends StoreModule<R>>(options: MountOptions<M, R>): OpenedRoot<M, R>;
  /**
   * Deletes cached states, and drops what of these was still to be kept: all of the connection, or those that `target`
   * names, in the persisters that mounts were given. Never rejects: a persister that fails is warned of.
   */
  clearStoreCache(target?: CacheTarget): Promise<void>;
  /** Releases this holder's roots and its hold on the channel. Resolves without waiting for the server. */
  disconnect(): Promise<void>;
}

/**
 * Connects to the server's stores over an app's phoenix.js socket, which is opened if it is not open. A second
 * `connect` with the same socket and topic shares the channel.
 *
 * Rejects with a `MusubiDisconnectedError` when the server refuses the join (`join_refused`); drops and time-outs
 * are waited out.
 */
export async function connect<R = DefaultRegistry>(
  socket: SocketLike,
  options?: ConnectOptions,
): Promise<MusubiConnection<R>> {
  const connection = getSharedRuntime(socket).hold(options);
  await connection.ready;
  return createConnection<R>(connection);
}

/** The roots that a holder has mounted, by what it got from `connect`. */
export const rootsOf: WeakMap<object, ReadonlyMap<unknown, Root>> = new WeakMap();

/** A holder's view of a connection that it has a hold on already. */
export function createConnection<R>(connection: Connection): MusubiConnection<R> {
  const holds = new Map<() => void, Root>();
  let isConnected = true;
  const openRoot = <M extends StoreModule<R>>(options: MountOptions<M, R>): OpenedRoot<M, R> => {
    const root = connection.hold(options, options.params ?? {}, options.cache);
    const release = (): void => {
      if (holds.delete(release)) root.release();
    };
    holds.set(release, root);
    return {
      store: storeProxy(root) as unknown as StoreProxy<M, R>,
      state: root.state,
      ready: root.ready,
      revalidated: root.revalidated,
      remount: (next: object) => root.remount(next),
      release,
    };
  };
  const holder: MusubiConnection<R> = {
    status: connection.status,
    statusDetail: connection.statusDetail,
    openRoot,
    async mountStore<M extends StoreModule<R>>(options: MountOptions<M, R>): Promise<MountedStore<M, R>> {
      const { ready, release, ...mounted } = openRoot(options);
      await ready.catch((error: unknown) => {
        release();
        throw error;
      });
      return { ...mounted, unmount: async () => release() };
    },
    async clearStoreCache(target: CacheTarget = {}) {
      await withCacheEngine((engine) => engine.clear(connection, target));
    },
    async disconnect() {
      if (!isConnected) return;
      isConnected = false;
      for (const release of holds.keys()) release();
      connection.release();
    },
  };
  rootsOf.set(holder, holds);
  return holder;
}

/** Any registry: for code that works with stores of all kinds. */
export type AnyRegistry = Readonly<Record<string, StoreDef>>;
