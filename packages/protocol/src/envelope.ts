import { refusedValue, tookUpload, valueProblem } from "./check-value.js";
import { isUploadOp } from "./is-upload-op.js";
import { isObject, type JsonValue } from "./json.js";
import { UPLOAD_KEY } from "./markers.js";
import { MusubiError } from "./musubi-error.js";
import { isPatchOp, type PatchOp } from "./patch-op.js";
import { isStoreId, type StoreId } from "./store-id.js";
import { isStreamOp, type StreamOp } from "./stream-ops.js";
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

type Unchecked = Readonly<Record<string, unknown>>;

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
  return readEnvelope(payload, (op) => op === undefined || isUploadOp(op));
}

/**
 * As {@link parseEnvelope}, for clients that have the code for uploads only once it is needed: `onUpload` gets every
 * upload op, to say whether it has the right shape, and is called without one when the tree may get an upload marker.
 */
export function readEnvelope(payload: unknown, onUpload: (op?: Unchecked) => boolean): Envelope {
  tookUpload();
  const envelope: Unchecked = isObject(payload) ? payload : {};
  const { stream_ops, upload_ops, events, epoch } = envelope;
  const isEnvelope =
    envelope["type"] === "patch" &&
    typeof envelope["root_id"] === "string" &&
    isVersion(envelope["base_version"]) &&
    isVersion(envelope["version"]) &&
    typeof (epoch ?? "") === "string";
  if (!isEnvelope) throw malformed("its head");
  checkAll("ops", envelope["ops"], isPatchOp, "value");
  checkAll("stream_ops", stream_ops ?? [], isStreamOp, "item");
  if (upload_ops) checkAll("upload_ops", upload_ops, onUpload, "");
  if (events) checkAll("events", events, isEvent, "payload");
  if (tookUpload() || (envelope["ops"] as PatchOp[]).some(({ path }) => path.endsWith(UPLOAD_KEY))) onUpload();
  if (stream_ops && upload_ops !== null && events !== null && epoch !== null) return payload as Envelope;
  // What a lenient reading leaves: the absent list empty, members that are `null` gone.
  const present = Object.entries(envelope).filter(([, member]) => member !== null);
  return { ...Object.fromEntries(present), stream_ops: stream_ops ?? [] } as unknown as Envelope;
}

/** Checks every entry of a list, and what its member `value` holds; with `""` what all of it holds. */
function checkAll(name: string, list: unknown, fits: (entry: Unchecked) => boolean, value?: string): void {
  if (!Array.isArray(list)) throw malformed(name);
  for (let index = 0; index < list.length; index++) {
    const entry: unknown = list[index];
    if (!isObject(entry) || !fits(entry)) throw malformed(`${name}/${index}`);
    const problem = value === undefined ? undefined : valueProblem(value === "" ? entry : entry[value]);
    if (problem !== undefined) throw refusedValue(problem, `${name}/${index}`);
  }
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isEvent({ name, payload, store_id }: Unchecked): boolean {
  return typeof name === "string" && payload !== undefined && isStoreId(store_id ?? []);
}

function malformed(place: string): MusubiError {
  return new MusubiError("malformed_envelope", `an envelope has a wrong shape in ${place}`, { details: { place } });
}
