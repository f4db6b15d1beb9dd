export type { Clock, TimerHandle } from "@musubi/protocol";
export {
  type ChannelCode,
  type ChannelContext,
  type ChannelDefinition,
  type ConnectedSocket,
  channel,
  type DeferredReply,
  error,
  type HandlerResult,
  type JoinResult,
  joined,
  ok,
  type Reply,
  type ReplyStatus,
  refused,
  reply,
  type Stop,
  stop,
} from "./channels/channel.js";
export {
  createPresence,
  type Presence,
  type PresenceOptions,
  type Presentee,
} from "./channels/presence/create-presence.js";
export type { PresenceDiff, Presences } from "./channels/presence/directory.js";
export type { PresenceMeta } from "./channels/presence/messages.js";
export { createPubSub, type PubSub, type Unsubscribe } from "./channels/pubsub.js";
export { DEFAULT_SESSION_LIMITS, type SessionLimits } from "./channels/session-limits.js";
export type { Traffic } from "./channels/traffic.js";
export { systemClock } from "./clock.js";
export {
  createMusubiServer,
  type InferStores,
  type MusubiServer,
  type MusubiServerOptions,
  type ServerInspection,
} from "./create-server.js";
export { consoleLogger, type Logger } from "./logger.js";
export type {
  AsyncContext,
  MountAsyncContext,
  StoreAsyncContext,
  StreamItems,
  StreamLoad,
} from "./stores/async/async-context.js";
export { type AsyncReason, AsyncValue } from "./stores/async/async-value.js";
export type { AsyncFunction, AsyncOptions, AsyncOutcome, AsyncValueOptions } from "./stores/async/async-work.js";
export { type CommandReply, command } from "./stores/command.js";
export type { AssignsOf, ContextOf, ContextParts, MessagesOf } from "./stores/context-of.js";
export { defineStore, type NoParams, type StoreDefinition } from "./stores/define-store.js";
export {
  type CommandCall,
  type Halt,
  type HookContext,
  halt,
  type MessageReport,
  type RenderedStore,
  type RootWork,
  type ServerHooks,
  type StoreHooks,
} from "./stores/hooks.js";
export type { FieldOf, JsonOf } from "./stores/json-of.js";
export type { None } from "./stores/none.js";
export {
  type ChildPlaceholder,
  child,
  type StreamPlaceholder,
  stream,
  type UploadPlaceholder,
  upload,
} from "./stores/placeholders.js";
export { Rejection, reject } from "./stores/rejection.js";
export { type RenderStoreOptions, renderStore, type StoreView } from "./stores/render-store.js";
export type { RootInspection } from "./stores/root-options.js";
export type { RootAddress, RootPair } from "./stores/root-registry.js";
export { type PayloadIssue, type } from "./stores/schema.js";
export type {
  AnyStore,
  BaseContext,
  Command,
  ContextFrom,
  MountContext,
  PropsOf,
  RegistryDef,
  RenderContext,
  Store,
  StoreContext,
  StoreDefOf,
  StreamDefinition,
  StreamWriter,
  TerminateContext,
  TerminateReason,
  WriteMountAndRenderOfAssignsFirst,
} from "./stores/store-types.js";
export type { StateOf } from "./stores/view-state.js";
export type { Secret, Secrets } from "./token-signer.js";
export type { CheckOrigin } from "./transport/check-origin.js";
export type { ConnectAccepted, ConnectHook, ConnectRequest, ConnectResult } from "./transport/connect.js";
export { createEndpoint, type Endpoint, type EndpointOptions, type LongPollOptions } from "./transport/endpoint.js";
export type { HttpServer } from "./transport/http-claims.js";
export type { TestFile } from "./uploads/send-file.js";
export type {
  ExternalTarget,
  PresignContext,
  UploadDefinition,
  Uploaded,
  UploadedElsewhere,
  UploadedFile,
  UploadFile,
  UploadsOf,
} from "./uploads/upload-definition.js";
export type { UploadOptions } from "./uploads/upload-service.js";
export type { Register, User } from "./user.js";
