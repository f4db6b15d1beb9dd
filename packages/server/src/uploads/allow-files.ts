import type { JsonObject, JsonValue, UploadEntry, UploadError } from "@musubi/protocol";
import type { Cycle } from "../stores/cycle.js";
import type { Instance } from "../stores/instance.js";
import { Rejection } from "../stores/rejection.js";
import { toJson } from "../stores/write-json.js";
import { refuseFile } from "./check-files.js";
import { Entry } from "./entry.js";
import type { RootUploads } from "./root-uploads.js";
import type { ExternalTarget, UploadFile, UploadSlot } from "./upload-definition.js";
import type { AnnouncedFile } from "./upload-messages.js";
import { claimsOf } from "./upload-tokens.js";

/**
 * Answers `allow_upload` (protocol.md section 6): checks each file, takes its place in the bounds, asks `presign` where
 * it goes, and makes entries of those that pass once the message succeeds. Resolves with the reply.
 */
export async function allowFiles(
  uploads: RootUploads,
  cycle: Cycle,
  instance: Instance,
  slotName: string,
  files: readonly AnnouncedFile[],
  owner: string,
): Promise<JsonObject> {
  // The caller has found it.
  const slot = instance.definition.uploads.get(slotName) as UploadSlot;
  const { service, root } = uploads;
  const errors: JsonObject[] = [];
  const refuse = ({ clientRef }: AnnouncedFile, { code, message = "" }: UploadError): void => {
    errors.push({ ref: clientRef, code, message });
  };
  const passed: { readonly file: AnnouncedFile; readonly info: UploadFile }[] = [];
  let open = makeRoom(uploads, cycle, instance, slotName, slot, files);
  for (const file of files) {
    const bytes = slot.presign === null ? file.size : 0;
    const refused = refuseFile(file, slot, open);
    if (refused !== null) refuse(file, refused);
    else if (uploads.size + passed.length >= service.maxEntriesPerRoot || !service.reserve(bytes)) {
      refuse(file, { code: "overloaded", message: "Too much is under way already." });
    } else {
      open += 1;
      const { name, size, type } = file;
      passed.push({ file, info: { ref: uploads.newRef(), name, size, type } });
      cycle.onRollback(() => service.release(bytes));
    }
  }
  const targets = passed.map(({ info }) => targetOf(uploads, cycle, slot, info));
  const settled = await cycle.wait(Promise.all(targets), root.handlerTimeoutMs, `presign of ${instance.label}`);
  const answers: [string, JsonValue][] = [];
  for (const [at, { file, info }] of passed.entries()) {
    const target = settled[at] as Awaited<(typeof targets)[number]>;
    if ("code" in target) {
      // Its place is given back with the others' if the message fails after all.
      cycle.onCommit(() => service.release(slot.presign === null ? info.size : 0));
      refuse(file, target);
      continue;
    }
    const expiresAt = service.nowMs + service.tokenTtlMs;
    const about = { instance, slotName, info };
    answers.push([
      file.clientRef,
      "uploader" in target
        ? { type: "external", entry_ref: info.ref, uploader: target.uploader, meta: target.meta }
        : {
            type: "channel",
            entry_ref: info.ref,
            token: service.tokens.sign(claimsOf(about, owner, expiresAt)),
          },
    ]);
    uploads.hold(cycle, instance);
    uploads.tell(cycle, instance, slotName, { op: "add", ref: info.ref, entry: pendingEntry(info) });
    cycle.onCommit(() => uploads.add(new Entry({ ...about, owner: uploads, slot, target })));
  }
  // A client's ref may have any name, so no assignment.
  return { ref: slotName, config: slot.config as JsonObject, entries: Object.fromEntries(answers), errors };
}

/** How many entries the slot has; a single file that is all there gives way to the one that is to replace it. */
function makeRoom(
  uploads: RootUploads,
  cycle: Cycle,
  instance: Instance,
  slotName: string,
  slot: UploadSlot,
  files: readonly AnnouncedFile[],
): number {
  const held = uploads.entriesOf(instance, slotName);
  const [sole] = held;
  const [file] = files;
  const isReplaced = slot.maxEntries === 1 && files.length === 1 && sole?.state.status === "complete";
  if (!isReplaced || file === undefined || refuseFile(file, slot, 0) !== null) return held.length;
  uploads.cancel(cycle, instance, slotName, sole.info.ref);
  return 0;
}

async function targetOf(
  uploads: RootUploads,
  cycle: Cycle,
  slot: UploadSlot,
  info: UploadFile,
): Promise<ReturnType<RootUploads["service"]["file"]> | ExternalTarget | UploadError> {
  const { service, logger } = uploads;
  if (slot.presign === null) return service.file(info.ref);
  try {
    const context = { user: uploads.root.scope.user, logger, signal: cycle.signal };
    const { uploader, meta } = (await slot.presign(info, context)) as ExternalTarget;
    return { uploader, meta: toJson(meta, "what presign returned as meta") };
  } catch (cause) {
    if (Rejection.is(cause)) return { code: cause.reason, message: "It was refused." };
    logger.error({ err: cause }, "presign failed");
    return { code: "internal", message: "It could not be said where to send it." };
  }
}

function pendingEntry({ ref, name, size, type }: UploadFile): UploadEntry {
  return {
    ref,
    client_name: name,
    client_size: size,
    client_type: type,
    progress: 0,
    status: "pending",
    errors: [],
  };
}
