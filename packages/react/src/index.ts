"use client";

export {
  type AnyRegistry,
  type AsyncField,
  type AsyncResult,
  type ChannelLike,
  type Clock,
  type CommandArguments,
  type CommandDef,
  type CommandFailure,
  type CommandFate,
  type CommandName,
  type CommandOptions,
  type CommandPayload,
  type CommandReply,
  type ConnectionStatus,
  type ConnectOptions,
  connect,
  type DefaultRegistry,
  type EventName,
  type EventPayload,
  keyOf,
  type Logger,
  type MountedStore,
  type MountOptions,
  type MountParams,
  type MountState,
  MusubiCommandError,
  type MusubiConnection,
  MusubiDisconnectedError,
  MusubiError,
  MusubiInconsistencyError,
  MusubiMountError,
  type Observable,
  type PushLike,
  type SocketLike,
  type StoreDef,
  type StoreField,
  type StoreId,
  type StoreMembers,
  type StoreModule,
  type StoreProxy,
  type StoreSnapshot,
  type StreamField,
  type TimerHandle,
  type Unsubscribe,
  type UploadConfig,
  type UploadEntry,
  type UploadField,
  type UploadHandle,
  type UploadSnapshot,
} from "@musubi/client";
export type { OpenedRoot } from "@musubi/client/runtime";
export type { MusubiConnectionStatus } from "./connection-status.js";
export {
  createMusubi,
  type Musubi,
  type Selector,
  type UseMusubiSnapshot,
  type UseMusubiUpload,
} from "./create-musubi.js";
export type { MusubiProviderProps } from "./provider.js";
export type { MusubiRoot, RootResult } from "./root-result.js";
export { shallowEqual } from "./shallow-equal.js";
export type { CommandState, MusubiCommand } from "./use-command.js";
export type { MusubiRootOptions } from "./use-root.js";
export type { MusubiStream } from "./use-stream.js";
export type { MusubiUpload } from "./use-upload.js";
