export type {
  AsyncField,
  Clock,
  CommandDef,
  StoreDef,
  StoreField,
  StoreId,
  StreamField,
  TimerHandle,
  UploadConfig,
  UploadEntry,
  UploadError,
  UploadField,
  UploadStatus,
} from "@musubi/protocol";
export { MusubiError } from "@musubi/protocol";
export type { CachedStream, CacheOptions, CachePersister, CacheRecord, CacheTarget } from "./cache/cache-options.js";
export { dehydrateStore } from "./cache/dehydrate-store.js";
export { createMemoryPersister, createStorageCachePersister } from "./cache/persisters.js";
export type { CacheStorage, StorageCacheOptions } from "./cache/storage-persister.js";
export { storeCacheKey } from "./cache/store-cache-key.js";
export { type AnyRegistry, connect, type MountedStore, type MountOptions, type MusubiConnection } from "./connect.js";
export type { ConnectionDetail, ConnectionReason, ConnectionStatus } from "./connection/connection-detail.js";
export type { ConnectOptions } from "./connection/shared-runtime.js";
export type { ChannelLike, PushLike, SocketLike } from "./connection/socket-like.js";
export {
  type CommandFailure,
  type CommandFate,
  MusubiCommandError,
  MusubiDisconnectedError,
  MusubiInconsistencyError,
  MusubiMountError,
} from "./errors.js";
export { keyOf } from "./key-of.js";
export type { Logger } from "./logger.js";
export type { Observable, Unsubscribe } from "./observable.js";
export type { CommandOptions } from "./root/command-queue.js";
export type { MountState } from "./root/mount-state.js";
export type { SocketDetail, SocketReason, SocketTransport } from "./socket/socket-detail.js";
export type { AsyncResult } from "./state/hydrate.js";
export type {
  CommandArguments,
  CommandName,
  CommandPayload,
  CommandReply,
  DefaultRegistry,
  EventName,
  EventPayload,
  MountParams,
  StoreCommandOptions,
  StoreMembers,
  StoreModule,
  StoreProxy,
  StoreSnapshot,
} from "./types.js";
export { loadUploads } from "./uploads/upload-code.js";
export type {
  ExternalUpload,
  ExternalUploader,
  RejectedFile,
  SelectOptions,
  UploadHandle,
  UploadSelection,
  UploadSlotError,
  UploadSlotStatus,
  UploadSnapshot,
} from "./uploads/upload-types.js";
export { nextSnapshot, type WaitOptions, waitFor } from "./wait.js";
