import {
  type AsyncResult,
  type CommandName,
  type ConnectOptions,
  connect,
  type DefaultRegistry,
  type EventName,
  type EventPayload,
  type MusubiConnection,
  type SocketLike,
  type StoreCommandOptions,
  type StoreMembers,
  type StoreModule,
  type StoreProxy,
  type StoreSnapshot,
  type UploadHandle,
} from "@musubi/client";
import type { AsyncRead, MusubiConnectionStatus } from "@musubi/client/runtime";
import { createContext, type ReactElement, useContext } from "react";
import type { Binding } from "./binding.js";
import { misuse } from "./misuse.js";
import { type AnyProviderProps, type MusubiProviderProps, Provider } from "./provider.js";
import { type MusubiCommand, useCommand } from "./use-command.js";
import { useConnectionStatus } from "./use-connection-status.js";
import { useEvent } from "./use-event.js";
import { useAsync } from "./use-async.js";
import { type MusubiRoot, type MusubiRootOptions, useRoot } from "./use-root.js";
import { useRootSuspense } from "./use-root-suspense.js";
import { useSnapshot } from "./use-snapshot.js";
import { useSnapshotSuspense } from "./use-snapshot-suspense.js";
import { type MusubiStream, useStream } from "./use-stream.js";
import { type MusubiUpload, useUpload } from "./use-upload.js";
import type { WishOptions } from "./use-wish.js";

/** `useMusubiSnapshot` for a registry. */
export interface UseMusubiSnapshot<R> {
  /** The whole store, as an immutable plain value. */
  <M>(store: StoreMembers<M, R>): StoreSnapshot<M, R>;
  <M>(store: StoreMembers<M, R> | undefined): StoreSnapshot<M, R> | undefined;
  /**
   * What `selector` picks from the snapshot, or from the proxy: `(_, p) => p.rows` gives stable proxies of the rows.
   * `equalityFn` (default `shallowEqual`) decides whether it has changed.
   */
  <M, T>(store: StoreMembers<M, R>, selector: Selector<M, R, T>, equalityFn?: (a: T, b: T) => boolean): T;
  <M, T>(
    store: StoreMembers<M, R> | undefined,
    selector: Selector<M, R, T>,
    equalityFn?: (a: T, b: T) => boolean,
  ): T | undefined;
}

/** `useMusubiSnapshotSuspense` for a registry. */
export interface UseMusubiSnapshotSuspense<R> {
  <M>(store: StoreMembers<M, R>): StoreSnapshot<M, R>;
  <M, T>(store: StoreMembers<M, R>, selector: Selector<M, R, T>, equalityFn?: (a: T, b: T) => boolean): T;
}

/** Picks what a component needs of a store, from its snapshot or its proxy. */
export type Selector<M, R, T> = (snapshot: StoreSnapshot<M, R>, proxy: StoreProxy<M, R>) => T;

/** `useMusubiUpload`: no handle yet gives `undefined`. */
export interface UseMusubiUpload {
  (handle: UploadHandle): MusubiUpload;
  (handle: UploadHandle | undefined): MusubiUpload | undefined;
}

/** The hooks of one registry, and the provider they look for. */
export interface Musubi<R> {
  /** As the client's `connect`, typed by the registry. */
  readonly connect: (socket: SocketLike, options?: ConnectOptions) => Promise<MusubiConnection<R>>;
  /** Gives the hooks below it their connection. */
  readonly MusubiProvider: (props: MusubiProviderProps<R>) => ReactElement;
  /** The provider's connection. */
  readonly useMusubiConnection: () => MusubiConnection<R>;
  /** How the provider's connection stands. */
  readonly useMusubiConnectionStatus: () => MusubiConnectionStatus<MusubiConnection<R>>;
  /** Mounts a root while the component is on screen; components that want the same root share one mount. */
  readonly useMusubiRoot: <M extends StoreModule<R>>(options: MusubiRootOptions<M, R>) => MusubiRoot<M, R>;
  /** The store of a root. Suspends until its first state and never again; throws to the boundary when it fails. */
  readonly useMusubiRootSuspense: <M extends StoreModule<R>>(options: WishOptions<M, R>) => StoreProxy<M, R>;
  /**
   * Reads a store, and renders again only when what it selected has changed. A store that is gone keeps its last
   * selected value; no store yet gives `undefined`.
   */
  readonly useMusubiSnapshot: UseMusubiSnapshot<R>;
  /** As `useMusubiSnapshot`, and suspends until the store has had state. */
  readonly useMusubiSnapshotSuspense: UseMusubiSnapshotSuspense<R>;
  /**
   * Reads an async value. Suspends until its first data and never again; a value that failed is thrown to the
   * boundary as `async_failed`, with the server's reason in `details`.
   */
  readonly useMusubiAsync: <M, Value, Reason>(
    store: StoreMembers<M, R>,
    selector: Selector<M, R, AsyncResult<Value, Reason>>,
  ) => AsyncRead<Value>;
  /** Sends one command of a store; `options` count for every dispatch that does not bring its own. */
  readonly useMusubiCommand: <M, N extends CommandName<M, R>>(
    store: StoreMembers<M, R> | undefined,
    name: N,
    options?: StoreCommandOptions<M, R>,
  ) => MusubiCommand<M, N, R>;
  /** Calls `handler`, which may be another one with every render, for each event that a store emits. */
  readonly useMusubiEvent: <M, N extends EventName<M, R>>(
    store: StoreMembers<M, R> | undefined,
    name: N,
    handler: (payload: EventPayload<M, N, R>) => void,
  ) => void;
  /** Shows an upload slot as it stands. */
  readonly useMusubiUpload: UseMusubiUpload;
  /** The items of the stream that `selector` picks, and their keys for lists; empty while there is no store. */
  readonly useMusubiStream: <M, Item>(
    store: StoreMembers<M, R> | undefined,
    selector: Selector<M, R, readonly Item[]>,
  ) => MusubiStream<Item>;
}

/**
 * The hooks for a registry of stores, with a provider of their own: an app with two servers makes two.
 *
 * To be called once, outside of components. `R` is the type of the server's stores; default is what generated code
 * declares in `Musubi.Stores`.
 */
export function createMusubi<R = DefaultRegistry>(): Musubi<R> {
  const context = createContext<Binding | undefined>(undefined);

  function useHandle(hook: string): Binding {
    const handle = useContext(context);
    if (handle === undefined) {
      throw misuse(
        `${hook} was called outside of its MusubiProvider. Put <MusubiProvider socket={socket}> around the component, from the same createMusubi() as the hook.`,
      );
    }
    return handle;
  }

  // The types are put on here: what is below knows no registry.
  const hooks = {
    connect: (socket: SocketLike, options?: ConnectOptions) => connect<R>(socket, options),
    MusubiProvider: (props: Omit<AnyProviderProps, "context">) => <Provider {...props} context={context} />,
    useMusubiConnection: () => useHandle("useMusubiConnection").connection,
    useMusubiConnectionStatus: () => useConnectionStatus(useHandle("useMusubiConnectionStatus")),
    useMusubiRoot: (options: MusubiRootOptions<string, unknown>) => useRoot(useHandle("useMusubiRoot"), options),
    useMusubiRootSuspense: (options: WishOptions<string, unknown>) =>
      useRootSuspense(useHandle("useMusubiRootSuspense"), options),
    useMusubiSnapshot: useSnapshot,
    useMusubiSnapshotSuspense: useSnapshotSuspense,
    useMusubiAsync: useAsync,
    useMusubiCommand: useCommand,
    useMusubiEvent: useEvent,
    useMusubiUpload: useUpload,
    useMusubiStream: useStream,
  };
  return hooks as unknown as Musubi<R>;
}
