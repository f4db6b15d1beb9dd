/**
 * What travels on the connection channel beside the joins: the closed unions of messages up (client to server) and
 * down, and the guards with which a server reads those that come up (protocol.md section 2). The messages of uploads
 * are in section 6.
 */
import { checkValue } from "./check-value.js";
import type { Envelope } from "./envelope.js";
import { isObject, type JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import { isStoreId, type StoreId } from "./store-id.js";

/** Where a client's copy of a root stands: the life of the root it belongs to, and the version it has. */
export interface ResumePoint {
  readonly epoch: string;
  readonly version: number;
}

/**
 * Client to server, event `mount`: starts a root, or with `resume` goes on with one that the session kept. A
 * {@link MountReply} and an initial envelope follow, in either order.
 */
export interface MountPayload {
  readonly module: string;
  readonly id: string;
  readonly params: JsonValue;
  /** Only to servers with the feature `resume`. */
  readonly resume?: ResumePoint;
}

/** Server to client, answers `mount` with `ok`. Without a `root_id` the root's id is the mount's `id`. */
export interface MountReply {
  readonly root_id?: string;
  /** The life of this root; only from servers with the feature `resume`. */
  readonly epoch?: string;
  /** True when the envelopes after the asked version follow instead of an initial one. */
  readonly resumed?: boolean;
}

/** Server to client, answers `mount` with `error`. `already_mounted` names the root that exists. */
export interface MountRefusal {
  readonly reason: JsonValue;
  readonly root_id?: string;
}

/**
 * Client to server, event `unmount`: ends a root. Answered `ok {}`; an error means that it is gone too. After the
 * answer nothing more comes for that `root_id`.
 */
export interface UnmountPayload {
  readonly root_id: string;
}

/**
 * Client to server, event `command`: asks a store to do something. Answered `ok` with the handler's reply or `error`
 * with a {@link CommandRefusal}; what it changed arrives as envelopes.
 */
export interface CommandPayload {
  readonly root_id: string;
  readonly store_id: StoreId;
  readonly name: string;
  readonly payload: JsonValue;
  /** An integer from 1 that grows by one per session; only to servers with the feature `idempotent_commands`. */
  readonly command_id?: number;
  /** Every command up to this one is settled at the client. */
  readonly acked?: number;
}

/** Server to client, answers `command` with `error`; an app's own reason rides in whatever member it chose. */
export interface CommandRefusal {
  readonly reason?: JsonValue;
  readonly code?: JsonValue;
  readonly error?: JsonValue;
  readonly [member: string]: JsonValue | undefined;
}

/**
 * Server to client, event `root_down`: one root failed while the channel stays up. With `retry` the client mounts it
 * again with back-off, without it the root has failed for good.
 */
export interface RootDownPayload {
  readonly root_id: string;
  readonly reason: JsonValue;
  readonly retry: boolean;
}

/**
 * Server to client, event `settled`, after a command's reply and envelope: its effects are in the tree at `version`.
 * Only from servers with the feature `settled`.
 */
export interface SettledPayload {
  readonly root_id: string;
  readonly command_id: number;
  readonly version: number;
}

/** A message from the client to the server. */
export type UpMessage =
  | { readonly event: "mount"; readonly payload: MountPayload }
  | { readonly event: "unmount"; readonly payload: UnmountPayload }
  | { readonly event: "command"; readonly payload: CommandPayload };

/** A message from the server to the client that answers none. */
export type DownMessage =
  | { readonly event: "patch"; readonly payload: Envelope }
  | { readonly event: "root_down"; readonly payload: RootDownPayload }
  | { readonly event: "settled"; readonly payload: SettledPayload };

/**
 * The payload of a `mount`, checked; missing `params` are `{}`. Throws `malformed_message`, or `too_deep` for params of
 * more than 256 levels.
 */
export function parseMount(payload: unknown): MountPayload {
  const { module, id, params, resume } = membersOf(payload, "mount");
  if (typeof module !== "string") throw malformed("mount", "module, the name of a store module");
  if (typeof id !== "string") throw malformed("mount", "id, a string");
  const mount = { module, id, params: checkedJson(params, "mount", "params") };
  if (resume === undefined || resume === null) return mount;
  if (!isObject(resume) || typeof resume["epoch"] !== "string" || !isCount(resume["version"])) {
    throw malformed("mount", "resume with epoch, a string, and version, an integer from 0, or no resume");
  }
  return { ...mount, resume: { epoch: resume["epoch"], version: resume["version"] } };
}

/** The payload of an `unmount`, checked. Throws `malformed_message`. */
export function parseUnmount(payload: unknown): UnmountPayload {
  const { root_id } = membersOf(payload, "unmount");
  if (typeof root_id !== "string") throw malformed("unmount", "root_id, a string");
  return { root_id };
}

/**
 * The payload of a `command`, checked; a missing `payload` is `{}`. Throws `malformed_message`, or `too_deep` for a
 * payload of more than 256 levels.
 */
export function parseCommand(payload: unknown): CommandPayload {
  const { root_id, store_id, name, payload: argument, command_id, acked } = membersOf(payload, "command");
  if (typeof root_id !== "string") throw malformed("command", "root_id, a string");
  if (!isStoreId(store_id)) throw malformed("command", "store_id, an array of strings");
  if (typeof name !== "string") throw malformed("command", "name, a string");
  const command = { root_id, store_id, name, payload: checkedJson(argument, "command", "payload") };
  const hasId = command_id !== undefined && command_id !== null;
  const hasAcked = acked !== undefined && acked !== null;
  if (hasId && (!isCount(command_id) || command_id === 0)) throw malformed("command", "command_id, an integer from 1");
  if (hasAcked && !isCount(acked)) throw malformed("command", "acked, an integer from 0");
  return { ...command, ...(hasId ? { command_id } : {}), ...(hasAcked ? { acked } : {}) };
}

function membersOf(payload: unknown, event: string): Readonly<Record<string, unknown>> {
  if (!isObject(payload)) throw malformed(event, "an object");
  return payload;
}

function checkedJson(value: unknown, event: string, member: string): JsonValue {
  if (value === undefined) return {};
  checkValue(value, `${member} of a "${event}"`, "malformed_message");
  // What was decoded from a frame is JSON.
  return value as JsonValue;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(event: string, expected: string): MusubiError {
  return new MusubiError("malformed_message", `a "${event}" has the wrong shape: send ${expected}`, {
    details: { event },
  });
}
