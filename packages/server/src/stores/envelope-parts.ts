import type { Envelope, PatchOp, StoreEvent, StreamOp, UploadOp } from "@musubi/protocol";
import { changedOps } from "./assemble.js";
import type { Cycle } from "./cycle.js";
import type { Instance } from "./instance.js";

/** What an envelope carries, before it has its place in the order of versions. */
export interface EnvelopeParts {
  readonly ops: readonly PatchOp[];
  readonly streamOps: readonly StreamOp[];
  readonly uploadOps: readonly UploadOp[];
  readonly events: readonly StoreEvent[];
}

/** What a client has to be told of an assembled cycle; of the whole tree when it `isMount`. */
export function partsOf(cycle: Cycle, root: Instance | null, isMount: boolean): EnvelopeParts {
  const node = root?.state.node ?? null;
  return {
    ops: !isMount ? changedOps(cycle) : node === null ? [] : [{ op: "replace", path: "", value: node }],
    streamOps: cycle.streamOps.filter(({ instance }) => !instance.state.detached).map(({ op }) => op),
    uploadOps: cycle.uploadOps.filter(({ instance }) => !instance.state.detached).map(({ op }) => op),
    events: cycle.events,
  };
}

/** Whether there is nothing to send. */
export function isEmpty({ ops, streamOps, uploadOps, events }: EnvelopeParts): boolean {
  return ops.length + streamOps.length + uploadOps.length + events.length === 0;
}

/** The envelope that leads to `version` (protocol.md section 3). */
export function toEnvelope(
  rootId: string,
  version: number,
  { ops, streamOps, uploadOps, events }: EnvelopeParts,
): Envelope {
  return {
    type: "patch",
    root_id: rootId,
    base_version: version - 1,
    version,
    ops,
    stream_ops: streamOps,
    ...(uploadOps.length === 0 ? {} : { upload_ops: uploadOps }),
    ...(events.length === 0 ? {} : { events }),
  };
}
