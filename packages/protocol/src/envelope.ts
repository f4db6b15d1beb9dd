import { checkOp, describeOp } from "./check-op.js";
import { checkStreamOp } from "./check-stream-op.js";
import { checkUploadOp } from "./check-upload-op.js";
import { checkValue } from "./check-value.js";
import type { JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import type { PatchOp } from "./patch-op.js";
import { invalidPointer, quote } from "./pointer.js";
import { isStoreId, type StoreId } from "./store-id.js";
import type { StreamOp } from "./stream-ops.js";
import type { UploadOp } from "./upload-ops.js";

/** An event of a store, dispatched at most once after its envelope is visible (protocol.md section 7). */
export interface StoreEvent {
  readonly name: string;
  readonly payload: JsonValue;
  readonly store_id?: StoreId | null;
}

/**
 * Server to client, event `patch`: one version step of one root (protocol.md section 3).
 *
 * `base_version: 0, version: 1` with one `replace` of `""` starts a root; each later one grows by one. It is
 * applied wholly or not at all.
 */
export interface Envelope {
  readonly type: "patch";
  readonly root_id: string;
  readonly base_version: number;
  readonly version: number;
  readonly ops: readonly PatchOp[];
  readonly stream_ops: readonly StreamOp[];
  readonly upload_ops?: readonly UploadOp[];
  readonly events?: readonly StoreEvent[];
  readonly epoch?: string;
}

/** An envelope's members before they were looked at. */
type Unchecked = { readonly [member in keyof Envelope]?: unknown };

/**
 * Checks that the payload of a `patch` message has the shape of an {@link Envelope}, and returns that same object:
 * nothing is copied, unknown members stay and are ignored. A list or an epoch that is `null`, and a missing
 * `stream_ops`, count as absent; only then the result is a copy, without it or with an empty list.
 *
 * What the values hold is checked too, so that a `TreeDraft` can trust them; paths are read when they are walked.
 * Whether the version fits is for the receiver to judge (protocol.md section 3).
 *
 * Throws `malformed_envelope`, `invalid_pointer`, or `too_deep` for a value of more than 256 levels.
 */
export function parseEnvelope(payload: unknown): Envelope {
  if (typeof payload !== "object" || payload === null) throw malformed(payload, "is no object");
  const envelope = payload as Unchecked;
  if (envelope.type !== "patch") throw malformed(envelope, 'must have the type "patch"');
  if (typeof envelope.root_id !== "string") throw malformed(envelope, "must name its root_id, a string");
  if (!isVersion(envelope.base_version)) throw malformed(envelope, "must have a base_version, an integer from 0");
  if (!isVersion(envelope.version)) throw malformed(envelope, "must have a version, an integer from 0");
  checkOps(envelope);
  const { stream_ops, upload_ops, events, epoch } = envelope;
  if (stream_ops !== undefined && stream_ops !== null) {
    const ops = listOf(envelope, "stream_ops", stream_ops);
    for (let index = 0; index < ops.length; index++) checkStreamOp(ops[index], index);
  }
  if (upload_ops !== undefined && upload_ops !== null) {
    const ops = listOf(envelope, "upload_ops", upload_ops);
    for (let index = 0; index < ops.length; index++) checkUploadOp(ops[index], index);
  }
  if (events !== undefined && events !== null) {
    const list = listOf(envelope, "events", events);
    for (let index = 0; index < list.length; index++) checkEvent(envelope, list[index], index);
  }
  if (epoch !== undefined && epoch !== null && typeof epoch !== "string") {
    throw malformed(envelope, "must have a string as its epoch, or none");
  }
  if (!stream_ops || upload_ops === null || events === null || epoch === null) return completed(envelope);
  return envelope as Envelope;
}

function checkOps(envelope: Unchecked): void {
  const ops = listOf(envelope, "ops", envelope.ops);
  for (let index = 0; index < ops.length; index++) {
    checkOp(ops[index], index);
    const op = ops[index] as PatchOp;
    if (op.path !== "" && op.path.charCodeAt(0) !== SLASH) {
      throw invalidPointer(op.path, `of op ${index} does not start with "/": only "" and "/..." are pointers`);
    }
    if (op.op !== "remove" && typeof op.value === "object") {
      checkValue(op.value, () => `the value of ${describeOp(op, index)}`);
    }
  }
}

const SLASH = 47;

function checkEvent(envelope: Unchecked, event: unknown, index: number): void {
  if (typeof event !== "object" || event === null) throw malformed(envelope, `has an event ${index} that is no object`);
  const { name, payload, store_id } = event as { [member in keyof StoreEvent]?: unknown };
  if (typeof name !== "string" || payload === undefined) {
    throw malformed(envelope, `has an event ${index} without a name or a payload`);
  }
  if (store_id !== undefined && store_id !== null && !isStoreId(store_id)) {
    throw malformed(envelope, `has an event ${index} whose store_id is no array of strings`);
  }
  checkValue(payload, () => `the payload of event ${index} (${quote(name)})`);
}

/** What a lenient reading leaves: the absent list empty, members that are `null` gone. */
function completed(envelope: Unchecked): Envelope {
  const { stream_ops, upload_ops, events, epoch, ...rest } = envelope;
  return {
    ...rest,
    stream_ops: stream_ops ?? [],
    ...(upload_ops ? { upload_ops } : {}),
    ...(events ? { events } : {}),
    ...(typeof epoch === "string" ? { epoch } : {}),
  } as Envelope;
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function listOf(envelope: Unchecked, member: keyof Envelope, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(envelope, `must have an array as its ${member}`);
  return value as readonly unknown[];
}

function malformed(envelope: unknown, problem: string): MusubiError {
  const { root_id, version } = (envelope ?? {}) as Unchecked;
  const name = typeof root_id === "string" ? ` of root ${quote(root_id)}` : "";
  return new MusubiError("malformed_envelope", `an envelope${name} ${problem}: mount the root again`, {
    details: { rootId: root_id, version },
  });
}
