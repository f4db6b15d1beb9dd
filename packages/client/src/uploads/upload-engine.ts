import { ALLOW_UPLOAD, CANCEL_UPLOAD, type UploadChange, type UploadEntry, type UploadError } from "@musubi/protocol";
import type { LinkAnswer } from "../connection/root-link.js";
import { createDeferred, type Deferred } from "../deferred.js";
import type { Unsubscribe } from "../observable.js";
import { sendOverChannel } from "./channel-transfer.js";
import { checkFiles, nameOf } from "./check-files.js";
import { sendByUploader } from "./external-transfer.js";
import { type EntryAnswer, readPreflight } from "./preflight.js";
import type { Send } from "./transfer.js";
import { readUploadError } from "./upload-error.js";
import { createUploadOutbox, type Message } from "./upload-outbox.js";
import type { UploadRoot } from "./upload-root.js";
import type { UploadSlot } from "./upload-slot.js";
import { foldUpload, INTERRUPTED, isOpen } from "./upload-state.js";
import type { RejectedFile, UploadSelection } from "./upload-types.js";

/** Files of one root that are sent at once. */
export const MAX_PARALLEL = 3;

/** Files that the server has been, or will be, asked to take. */
interface Selection {
  readonly slot: UploadSlot;
  readonly done: Deferred<void>;
  /** Refs that the slot has shown meanwhile: one that it shows no more is over. */
  readonly seen: Set<string>;
  announcement?: Message;
  isStarted: boolean;
  isCancelled: boolean;
}

/** A file that the server has taken, until it is sent. */
interface Job {
  readonly slot: UploadSlot;
  readonly ref: string;
  readonly file: Blob;
  readonly answer: EntryAnswer;
  readonly done: Deferred<void>;
  status: "waiting" | "queued" | "running";
  stop: () => void;
}

const STORE_GONE: UploadError = { code: "store_gone", message: "Its store has left the tree." };

/** What the slots of one root have done. */
export interface UploadEngine {
  select(slot: UploadSlot, files: readonly Blob[], isStarted: boolean): Promise<UploadSelection>;
  start(slot: UploadSlot): Promise<void>;
  cancel(slot: UploadSlot, ref?: string): void;
  reset(slot: UploadSlot): void;
}

/**
 * Sends the files of one root (client.md rule 16): checks what is selected, announces it, and runs a transfer for each
 * entry. Loaded by the first slot that is used. It owns what this client does; what is so, the slots say.
 */
export function createUploadEngine(root: UploadRoot): UploadEngine {
  const outbox = createUploadOutbox(root);
  const selections = new Set<Selection>();
  const jobs = new Set<Job>();
  /** Slots that were used, until their stores leave. */
  const watches = new Map<UploadSlot, Unsubscribe>();
  /** Slots whose server may have taken files in an answer that never came here. */
  const unsure = new Set<UploadSlot>();
  let { status } = root.state.current;
  let clientRefs = 0;

  const tellCancelled = (slot: UploadSlot, ref: string): void => {
    outbox.tell(CANCEL_UPLOAD, about(slot, { ref }));
  };

  const cancelEntry = (slot: UploadSlot, { ref, status: was }: UploadEntry): void => {
    const job = of(slot, jobs).find((each) => each.ref === ref);
    if (was !== "success") fold(slot, { op: "cancel", ref });
    if (job !== undefined) end(job);
    tellCancelled(slot, ref);
  };
  /** Cancels what the server has taken and nobody here has the token to send. */
  const cancelLost = (slot: UploadSlot): void => {
    if (of(slot, selections).length > 0 || !unsure.has(slot)) return;
    const refs = of(slot, jobs).map(({ ref }) => ref);
    for (const entry of slot.entries) if (isOpen(entry) && !refs.includes(entry.ref)) cancelEntry(slot, entry);
  };

  const queue = (job: Job): void => {
    if (job.status !== "waiting") return;
    job.status = "queued";
    runNext();
  };
  const running = (): number => Array.from(jobs).filter((job) => job.status === "running").length;
  const runNext = (): void => {
    for (const job of jobs) if (job.status === "queued" && running() < MAX_PARALLEL) run(job);
  };
  const run = (job: Job): void => {
    const { slot, ref } = job;
    const onProgress = (progress: number): void => fold(slot, { op: "progress", ref, progress });
    job.status = "running";
    onProgress(0);
    const send = job.answer.type === "channel" ? sendOverChannel : sendByUploader;
    job.stop = (send as Send<EntryAnswer["type"]>)({
      ...job,
      host: root.host,
      chunkBytes: slot.config?.chunk_size,
      onProgress,
      onEnd: (error) => (error === undefined ? end(job, { op: "complete", ref }) : fail(job, error)),
      outbox,
      message: about(slot, { ref }),
    });
    // A listener that heard of it may have ended it.
    if (!jobs.has(job)) job.stop();
  };
  /** The job is over; `op` says how, unless the slot knows already. */
  const end = (job: Job, op?: UploadChange): void => {
    if (!jobs.delete(job)) return;
    job.stop();
    if (op !== undefined) fold(job.slot, op);
    job.done.resolve();
    runNext();
  };
  const fail = (job: Job, error: UploadError): void => end(job, { op: "error", ref: job.ref, error: { ...error } });

  /** Makes jobs of what the server has taken. Returns their refs; what it has not taken is added to `rejected`. */
  const take = (
    { slot, seen, isCancelled, isStarted }: Selection,
    files: ReadonlyMap<string, Blob>,
    response: unknown,
    rejected: RejectedFile[],
  ): string[] => {
    const { config, errors, answerFor } = readPreflight(response);
    const accepted: string[] = [];
    const refused: RejectedFile[] = [];
    if (config !== undefined) fold(slot, { op: "config", config });
    for (const [clientRef, file] of files) {
      const answer = answerFor(clientRef);
      if ("code" in answer) {
        refused.push({ file, ...answer });
        continue;
      }
      const ref = answer.entry_ref;
      if (isCancelled || !slot.isPresent) {
        tellCancelled(slot, ref);
        continue;
      }
      accepted.push(ref);
      // The server may be done with it before it answers; it goes from view where the root begins anew since.
      const known = slot.entries.find((entry) => entry.ref === ref);
      if (known === undefined ? seen.has(ref) : !isOpen(known)) continue;
      const facts = { client_name: nameOf(file), client_size: file.size, client_type: file.type };
      fold(slot, { op: "add", ref, entry: { ref, ...facts, progress: 0, status: "pending", errors: [] } });
      const job: Job = { slot, ref, file, answer, done: createDeferred(), status: "waiting", stop: () => {} };
      jobs.add(job);
      if (isStarted) queue(job);
    }
    rejected.push(...refused);
    if (!isCancelled) slot.update({ errors: [...slot.errors, ...errors, ...refused.map(toSlotError)] });
    return accepted;
  };

  /** Hears what the server does to a slot's entries, and when its store leaves. */
  const watch = (slot: UploadSlot): void => {
    const isGone = !slot.isPresent;
    for (const job of of(slot, jobs)) {
      const entry = slot.entries.find(({ ref }) => ref === job.ref);
      if (isGone) fail(job, STORE_GONE);
      else if (entry === undefined || !isOpen(entry)) end(job);
    }
    for (const { seen, announcement } of of(slot, selections)) {
      for (const { ref } of slot.entries) seen.add(ref);
      if (isGone) announcement?.drop();
    }
    if (!isGone) return cancelLost(slot);
    unsure.delete(slot);
    watches.get(slot)?.();
    watches.delete(slot);
  };

  const cancel = (slot: UploadSlot, ref?: string): void => {
    for (const selection of ref === undefined ? of(slot, selections) : []) {
      selection.isCancelled = true;
      if (selection.announcement?.told === 0) selection.announcement.drop();
    }
    for (const entry of slot.entries) {
      if (ref === undefined ? isOpen(entry) : entry.ref === ref && entry.status !== "cancelled") {
        cancelEntry(slot, entry);
      }
    }
  };

  root.state.subscribe(() => {
    const before = status;
    ({ status } = root.state.current);
    // A root that was live and recovers is unmounted; one that comes back after a drop may go on.
    if (status === "closed" || status === "failed" || (before === "live" && status === "recovering")) {
      unsure.clear();
      for (const job of jobs) fail(job, INTERRUPTED);
    }
    outbox.review();
  });

  return {
    select: async (slot, files, isStarted) => {
      const { fitting, rejected } = checkFiles(files, slot.config, slot.entries.filter(isOpen).length);
      const selection: Selection = { slot, done: createDeferred(), seen: new Set(), isStarted, isCancelled: false };
      if (fitting.length > 0) selections.add(selection);
      slot.update({ errors: rejected.map(toSlotError), selecting: of(slot, selections).length });
      if (fitting.length === 0) return { accepted: [], rejected };
      const named = new Map(fitting.map((file) => [String(++clientRefs), file]));
      const answer = await new Promise<LinkAnswer | undefined>((resolve) => {
        if (!slot.isPresent) return resolve(undefined);
        if (!watches.has(slot))
          watches.set(
            slot,
            slot.subscribe(() => watch(slot)),
          );
        const entries = Array.from(named, ([client_ref, file]) => {
          const { size, type } = file;
          return { client_ref, name: nameOf(file), size, type };
        });
        selection.announcement = outbox.tell(ALLOW_UPLOAD, about(slot, { entries }), resolve);
      });
      selections.delete(selection);
      let accepted: string[] = [];
      if (answer?.status === "ok") accepted = take(selection, named, answer.response, rejected);
      else if (!selection.isCancelled) {
        const gone = slot.isPresent ? INTERRUPTED : STORE_GONE;
        const error = answer ? { ...readUploadError(answer.response, ""), code: "preflight_rejected" } : gone;
        rejected.push(...fitting.map((file) => ({ file, message: "", ...error })));
        slot.update({ errors: [...slot.errors, error] });
      }
      slot.update({ selecting: of(slot, selections).length });
      if ((selection.announcement?.told ?? 0) > 1 || answer?.status === "timeout") unsure.add(slot);
      cancelLost(slot);
      selection.done.resolve();
      return { accepted, rejected };
    },
    start: async (slot) => {
      const announced = of(slot, selections);
      for (const selection of announced) selection.isStarted = true;
      for (const job of of(slot, jobs)) queue(job);
      await ended(announced);
      await ended(of(slot, jobs).filter((job) => job.status !== "waiting"));
    },
    cancel,
    reset: (slot) => {
      cancel(slot);
      fold(slot, { op: "reset" });
    },
  };
}

function fold(slot: UploadSlot, op: UploadChange): void {
  slot.update(foldUpload(slot.state, op));
}

/** A message about a slot. */
function about({ record, name }: UploadSlot, payload: object): object {
  return { store_id: record.id, name, ...payload };
}

function of<Each extends { readonly slot: UploadSlot }>(slot: UploadSlot, all: Iterable<Each>): Each[] {
  return Array.from(all).filter((each) => each.slot === slot);
}

function ended(all: readonly { readonly done: Deferred<void> }[]): Promise<unknown> {
  return Promise.all(all.map(({ done }) => done.promise));
}

function toSlotError({ file, code, message }: RejectedFile): UploadError & { readonly client_name: string } {
  return { code, message, client_name: nameOf(file) };
}
