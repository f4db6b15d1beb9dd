export { applyPatch } from "./apply-patch.js";
export { ASYNC_KEY, isWireAsync, type WireAsync } from "./async-value.js";
export {
  type BinaryRef,
  type BinaryServerPayload,
  decodeBinaryFrame,
  decodeBinaryServerFrame,
  encodeBinaryBroadcast,
  encodeBinaryPush,
  encodeBinaryReply,
  encodeBinaryServerPush,
  toBinaryRef,
} from "./binary-frame.js";
export { checkValue } from "./check-value.js";
export type { Clock, TimerHandle } from "./clock.js";
export { deepEqual } from "./deep-equal.js";
export { diff } from "./diff.js";
export { type Envelope, parseEnvelope, readEnvelope, type StoreEvent } from "./envelope.js";
export { ERROR_CODES, type ErrorCode } from "./error-codes.js";
export {
  ALLOW_UPLOAD,
  CANCEL_UPLOAD,
  CHUNK,
  COMMAND,
  CONNECTION_TOPIC,
  HEARTBEAT,
  MOUNT,
  PATCH,
  PHOENIX_TOPIC,
  PHX_CLOSE,
  PHX_ERROR,
  PHX_JOIN,
  PHX_LEAVE,
  PHX_REPLY,
  ROOT_DOWN,
  SETTLED,
  UNMOUNT,
  UPLOAD_ERROR,
  UPLOAD_PROGRESS,
  UPLOAD_TOPIC,
} from "./events.js";
export { decodeTextFrame, encodeTextFrame, type Frame } from "./frame.js";
export { isUploadOp } from "./is-upload-op.js";
export { isObject, type JsonArray, type JsonObject, type JsonPrimitive, type JsonValue } from "./json.js";
export { jsonSize } from "./json-size.js";
export { MAX_HELD_PER_ROOT, MAX_HELD_ROOTS, MAX_JSON_DEPTH } from "./limits.js";
export {
  isStreamMarker,
  isUploadMarker,
  STREAM_KEY,
  type StreamMarker,
  streamMarker,
  UPLOAD_KEY,
  type UploadMarker,
} from "./markers.js";
export {
  type CommandPayload,
  type CommandRefusal,
  type DownMessage,
  type MountPayload,
  type MountRefusal,
  type MountReply,
  parseCommand,
  parseMount,
  parseUnmount,
  type ResumePoint,
  type RootDownPayload,
  type SettledPayload,
  type UnmountPayload,
  type UpMessage,
} from "./messages.js";
export { MusubiError, type MusubiErrorOptions } from "./musubi-error.js";
export { copyNode } from "./node-copy.js";
export type { PatchOp } from "./patch-op.js";
export { escapeToken, formatPointer, getAt, parsePointer } from "./pointer.js";
export type {
  AsyncField,
  CommandDef,
  CommandsOf,
  EventsOf,
  FieldsOf,
  ParamsOf,
  StoreDef,
  StoreField,
  StreamField,
  UploadField,
} from "./registry.js";
export {
  isStoreId,
  isStoreNode,
  RESERVED_PREFIX,
  STORE_ID_KEY,
  type StoreId,
  type StoreNode,
  storeIdKey,
} from "./store-id.js";
export { isRetryable } from "./retryable-codes.js";
export { StreamList } from "./stream-list.js";
export { applyStreamOp, foldStreamOps, type StreamEntry, type StreamOp } from "./stream-ops.js";
export { type Trail, TreeDraft } from "./tree-draft.js";
export type { UploadChange, UploadConfig, UploadEntry, UploadError, UploadOp, UploadStatus } from "./upload-ops.js";
