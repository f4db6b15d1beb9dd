/**
 * The engine without proxies: what `connect` and the proxies are built on, for bindings and for code that reads wire
 * trees. Every function here takes handles from the same module; they are opaque.
 */
import type { JsonValue, StoreId, StoreNode } from "@musubi/protocol";
import type { CacheOptions } from "./cache/cache-options.js";
import type { Connection } from "./connection/connection.js";
import type { RootIdentity } from "./connection/root-identity.js";
import { type ConnectOptions, getSharedRuntime } from "./connection/shared-runtime.js";
import type { SocketLike } from "./connection/socket-like.js";
import type { Unsubscribe } from "./observable.js";
import type { CommandOptions } from "./root/command-queue.js";
import type { Root } from "./root/root.js";
import { targetOf } from "./proxy.js";
import { streamKeys } from "./state/stream-keys.js";
import { subscribeRecord } from "./state/subscribers.js";
import type { UploadHandle } from "./uploads/upload-types.js";

export type { AnyConnection, AnyStore } from "./binding/any-store.js";
export { type AsyncRead, readAsync } from "./binding/async-read.js";
export { type ConnectionHandle, handleOfConnection, handleOfSocket } from "./binding/connection-handle.js";
export type { MusubiConnectionStatus } from "./binding/connection-status.js";
export { DehydratedRoots, type DehydratedState, dehydrate } from "./binding/dehydrate.js";
export { DEFAULT_GRACE_MS } from "./binding/owned-connection.js";
export { pendingRead } from "./binding/pending-read.js";
export { IDLE, LOADING, type RootResult } from "./binding/root-result.js";
export type { RootWish } from "./binding/root-wish.js";
export { MusubiServerRenderError } from "./binding/server-render-error.js";
export { shallowEqual } from "./binding/shallow-equal.js";
export type { RetryableError } from "./binding/shared-mount.js";
export { suspendRoot } from "./binding/suspend-root.js";
export { whenOutdated } from "./binding/when-outdated.js";
export { makeCacheRecord } from "./cache/cache-record.js";
export { canonicalJson } from "./canonical-json.js";
export { systemClock } from "./clock.js";
export { createConnection, type OpenedRoot } from "./connect.js";
export type { Connection } from "./connection/connection.js";
export {
  type ConnectionDetail,
  type ConnectionReason,
  type ConnectionStatus,
  observeStatus,
} from "./connection/connection-detail.js";
export type { RootIdentity } from "./connection/root-identity.js";
export type { ConnectOptions, SharedRuntime } from "./connection/shared-runtime.js";
export type { ChannelLike, PushLike, SocketLike } from "./connection/socket-like.js";
export { isDevelopment } from "./development.js";
export { consoleLogger } from "./logger.js";
export { ObservableValue } from "./observable.js";
export type { Root } from "./root/root.js";
export { getSharedRuntime };

/** Something that is there at once, and the promise of its being usable. */
export interface Opening<T> {
  readonly connection: T;
  readonly ready: Promise<T>;
}

/**
 * Opens the connection of a topic, or holds the one that is open. `ready` resolves when the channel is joined;
 * rejects with `join_refused` or `disconnected`. Give the hold back with {@link disconnectConnectionState}.
 */
export function openConnectionState(socket: SocketLike, options?: ConnectOptions): Opening<Connection> {
  const connection = getSharedRuntime(socket).hold(options);
  return { connection, ready: connection.ready };
}

/** Gives one hold back; the channel is left when none is left. Resolves at once. */
export async function disconnectConnectionState(connection: Connection): Promise<void> {
  connection.release();
}

/**
 * Mounts a root, or holds the one that is mounted. `ready` resolves when its first state is there, a cached one too;
 * rejects with a `MusubiMountError`. `cache.initialData` can be read as soon as this returns. Give the hold back with
 * {@link unmountConnectionRoot}.
 */
export function mountConnectionRoot(
  connection: Connection,
  root: RootIdentity & { readonly params?: object; readonly cache?: CacheOptions },
): Opening<Root> {
  const held = connection.hold(root, root.params ?? {}, root.cache);
  const ready = held.ready.then(() => held);
  ready.catch(() => {});
  return { connection: held, ready };
}

/** Gives one hold on a root back; it is unmounted a grace after the last. Does nothing for a root nobody holds. */
export function unmountConnectionRoot(connection: Connection, root: RootIdentity): void {
  connection.find(root)?.release();
}

/**
 * Calls `listener` once per envelope that changed the store or anything below it. The store may be absent: then it
 * fires when it appears, changes or leaves.
 */
export function subscribeStore(root: Root, storeId: StoreId, listener: () => void): Unsubscribe {
  return subscribeRecord(root.tree, root.tree.record(storeId), listener);
}

/** Sends a command to a store. Resolves with the reply; rejects with a `MusubiCommandError`. */
export function dispatchConnectionCommand(
  root: Root,
  storeId: StoreId,
  name: string,
  payload?: unknown,
  options?: CommandOptions,
): Promise<unknown> {
  return root.dispatch(storeId, name, payload, options);
}

/** The whole wire tree of a root; `undefined` before its first state. Immutable. */
export function readTree(root: Root): StoreNode | undefined {
  return root.tree.root;
}

/** The wire node of a store; `undefined` while it is not in the tree. Immutable. */
export function readStore(root: Root, storeId: StoreId): StoreNode | undefined {
  return root.tree.find(storeId)?.node;
}

/** The items of a stream, in order; empty for a stream that is not there. The same array until they change. */
export function readStream(root: Root, storeId: StoreId, name: string): readonly JsonValue[] {
  const record = root.tree.find(storeId);
  return record === undefined ? [] : root.tree.streamItems(record, name);
}

/** The keys of what an app read of a store's stream, one per item (see `streamKeys`). Takes the store's proxy. */
export function readStreamKeys(store: object, items: readonly unknown[]): readonly string[] {
  return streamKeys(targetOf(store).record, items);
}

/** An upload slot; `undefined` while its store is not in the tree. The same object for as long as it is. */
export function readUpload(root: Root, storeId: StoreId, name: string): UploadHandle | undefined {
  const record = root.tree.find(storeId);
  return record?.node === undefined ? undefined : root.tree.upload(record, name);
}

/** The version of a root's tree; 0 before its first state. */
export function rootVersion(root: Root): number {
  return root.version;
}
