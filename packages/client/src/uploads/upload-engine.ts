import { ALLOW_UPLOAD, CANCEL_UPLOAD, type UploadEntry, type UploadError, type UploadOp } from "@musubi/protocol";
import type { LinkAnswer } from "../connection/root-link.js";
import { createDeferred, type Deferred } from "../deferred.js";
import type { Unsubscribe } from "../observable.js";
import type { MountState } from "../root/mount-state.js";
import { ChannelTransfer, type TransferEvents } from "./channel-transfer.js";
import { checkFiles, nameOf } from "./check-files.js";
import { ExternalTransfer } from "./external-transfer.js";
import { type EntryAnswer, readPreflight } from "./preflight.js";
import { readUploadError } from "./upload-error.js";
import { UploadOutbox } from "./upload-outbox.js";
import type { UploadRoot } from "./upload-root.js";
import type { UploadSlot } from "./upload-slot.js";
import { foldUpload, isOpen } from "./upload-state.js";
import type { RejectedFile, UploadSelection } from "./upload-types.js";

/** Files of one root that are sent at once. */
export const MAX_PARALLEL = 3;
/** How often a file is announced at most: it may be what takes the connection away. */
const MAX_ASKED = 3;

/** An op of a slot, before it says of which. */
type SlotOp = UploadOp extends infer Op ? (Op extends UploadOp ? Omit<Op, "upload" | "store_id"> : never) : never;

/** Files that the server has been, or will be, asked to take. */
interface Selection {
  readonly slot: UploadSlot;
  /** By what this client calls them. */
  readonly files: ReadonlyMap<string, Blob>;
  readonly answered: Deferred<LinkAnswer | { readonly status: "lost"; readonly error: UploadError }>;
  readonly done: Deferred<void>;
  /** Refs that the slot has shown meanwhile: one that it shows no more is over. */
  readonly seen: Set<string>;
  /** How often the server was asked. */
  asked: number;
  /** Which life of the root was asked. */
  life: string | undefined;
  isSent: boolean;
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

const INTERRUPTED: UploadError = { code: "interrupted", message: "The connection or the root went away." };
const STORE_GONE: UploadError = { code: "store_gone", message: "Its store has left the tree." };

/**
 * Sends the files of one root (client.md rule 16): checks what is selected, announces it, and runs a transfer for each
 * entry. Loaded by the first slot that is used. It owns what this client does; what is so, the slots say.
 */
export class UploadEngine {
  readonly #root: UploadRoot;
  readonly #outbox: UploadOutbox;
  readonly #selections = new Set<Selection>();
  readonly #jobs = new Set<Job>();
  readonly #watches = new Map<UploadSlot, Unsubscribe>();
  /** Slots whose server may have taken files in an answer that never came here. */
  readonly #unsure = new Set<UploadSlot>();
  #status: MountState["status"];
  #clientRefs = 0;

  constructor(root: UploadRoot) {
    this.#root = root;
    this.#outbox = new UploadOutbox(root);
    this.#status = root.state.current.status;
    root.state.subscribe(() => this.#handleState());
  }

  async select(slot: UploadSlot, files: readonly Blob[], isStarted: boolean): Promise<UploadSelection> {
    const { fitting, rejected } = checkFiles(files, slot.config, slot.entries.filter(isOpen).length);
    const selection: Selection = {
      slot,
      files: new Map(fitting.map((file) => [String(++this.#clientRefs), file])),
      answered: createDeferred(),
      done: createDeferred(),
      seen: new Set(),
      asked: 0,
      life: undefined,
      isSent: false,
      isStarted,
      isCancelled: false,
    };
    if (fitting.length > 0) this.#selections.add(selection);
    slot.update({ ...slot.state, errors: rejected.map(toSlotError), selecting: this.#selectionsOf(slot).length });
    if (fitting.length === 0) return { accepted: [], rejected };
    this.#watch(slot);
    this.#announce(selection);
    const answer = await selection.answered.promise;
    this.#selections.delete(selection);
    const accepted = answer.status === "ok" ? this.#take(selection, answer.response, rejected) : [];
    if (answer.status !== "ok" && !selection.isCancelled) {
      const error = answer.status === "lost" ? answer.error : refusalOf(answer);
      for (const file of fitting) rejected.push({ file, code: error.code, message: error.message ?? "" });
      this.#patch(slot, { errors: [...slot.errors, error] });
    }
    this.#patch(slot, { selecting: this.#selectionsOf(slot).length });
    if (selection.asked > 1 || answer.status === "timeout") this.#unsure.add(slot);
    this.#cancelLost(slot);
    selection.done.resolve();
    this.#unwatch(slot);
    return { accepted, rejected };
  }

  async start(slot: UploadSlot): Promise<void> {
    const selections = this.#selectionsOf(slot);
    for (const selection of selections) selection.isStarted = true;
    for (const job of this.#jobsOf(slot)) this.#queue(job);
    await Promise.all(selections.map(({ done }) => done.promise));
    const started = this.#jobsOf(slot).filter(({ status }) => status !== "waiting");
    await Promise.all(started.map(({ done }) => done.promise));
  }

  cancel(slot: UploadSlot, ref?: string): void {
    for (const selection of ref === undefined ? this.#selectionsOf(slot) : []) {
      selection.isCancelled = true;
      if (selection.asked === 0) selection.answered.resolve({ status: "lost", error: INTERRUPTED });
    }
    for (const entry of slot.entries) {
      if (ref === undefined ? isOpen(entry) : entry.ref === ref && entry.status !== "cancelled") {
        this.#cancelEntry(slot, entry);
      }
    }
  }

  reset(slot: UploadSlot): void {
    this.cancel(slot);
    this.#fold(slot, { op: "reset" });
  }

  #cancelEntry(slot: UploadSlot, { ref, status }: UploadEntry): void {
    const job = this.#jobsOf(slot).find((each) => each.ref === ref);
    if (status !== "success") this.#fold(slot, { op: "cancel", ref });
    if (job !== undefined) this.#end(job);
    this.#tellOf(slot, ref, CANCEL_UPLOAD, {}, () => {});
  }

  #announce(selection: Selection): void {
    const { slot, files, isSent, answered } = selection;
    const { status } = this.#root.state.current;
    if (isSent) return;
    if (!slot.isPresent) answered.resolve({ status: "lost", error: STORE_GONE });
    else if (status === "closed" || status === "failed" || !this.#mayAsk(selection))
      answered.resolve({ status: "lost", error: INTERRUPTED });
    else if (this.#outbox.isLive) {
      selection.isSent = true;
      selection.asked++;
      selection.life = this.#root.life();
      const entries = Array.from(files, ([client_ref, file]) => ({
        client_ref,
        name: nameOf(file),
        size: file.size,
        type: file.type,
      }));
      const message = { store_id: slot.record.id, name: slot.name, entries };
      this.#outbox.push(ALLOW_UPLOAD, message, (answer) => answered.resolve(answer));
    }
  }

  /** Another life of the root than the one that was asked is not asked too: the first may have ended of it. */
  #mayAsk({ asked, life }: Selection): boolean {
    return asked === 0 || (asked < MAX_ASKED && life !== undefined && life === this.#root.life());
  }

  /** Makes jobs of what the server has taken. Returns their refs; what it has not taken is added to `rejected`. */
  #take(selection: Selection, response: unknown, rejected: RejectedFile[]): string[] {
    const { slot, files, seen, isCancelled, isStarted } = selection;
    const { config, errors, answerFor } = readPreflight(response);
    const accepted: string[] = [];
    const refused: RejectedFile[] = [];
    if (config !== undefined) this.#fold(slot, { op: "config", config });
    for (const [clientRef, file] of files) {
      const answer = answerFor(clientRef);
      if ("code" in answer) {
        refused.push({ file, code: answer.code, message: answer.message ?? "" });
        continue;
      }
      const ref = answer.entry_ref;
      if (isCancelled || !slot.isPresent) {
        this.#tellOf(slot, ref, CANCEL_UPLOAD, {}, () => {});
        continue;
      }
      accepted.push(ref);
      // The server may be done with it before it answers; it goes from view where the root begins anew since.
      const known = slot.entries.find((entry) => entry.ref === ref);
      if (known === undefined ? seen.has(ref) : !isOpen(known)) continue;
      this.#fold(slot, { op: "add", ref, entry: pendingEntry(ref, file) });
      const job: Job = { slot, ref, file, answer, done: createDeferred(), status: "waiting", stop: () => {} };
      this.#jobs.add(job);
      this.#watch(slot);
      if (isStarted) this.#queue(job);
    }
    rejected.push(...refused);
    if (!isCancelled) this.#patch(slot, { errors: [...slot.errors, ...errors, ...refused.map(toSlotError)] });
    return accepted;
  }

  /** Cancels what the server has taken and nobody here has the token to send. */
  #cancelLost(slot: UploadSlot): void {
    if (this.#selectionsOf(slot).length > 0 || !this.#unsure.has(slot)) return;
    const jobs = this.#jobsOf(slot);
    for (const entry of slot.entries)
      if (isOpen(entry) && !jobs.some(({ ref }) => ref === entry.ref)) this.#cancelEntry(slot, entry);
  }

  #queue(job: Job): void {
    if (job.status !== "waiting") return;
    job.status = "queued";
    this.#runNext();
  }

  #runNext(): void {
    const jobs = Array.from(this.#jobs);
    const running = jobs.filter(({ status }) => status === "running").length;
    const queued = jobs.filter(({ status }) => status === "queued");
    for (const job of queued.slice(0, Math.max(0, MAX_PARALLEL - running))) this.#run(job);
  }

  #run(job: Job): void {
    const { slot, ref, file, answer } = job;
    const { host } = this.#root;
    const events: TransferEvents = {
      handleProgress: (progress) => this.#fold(slot, { op: "progress", ref, progress }),
      handleEnd: (error) => this.#end(job, error === undefined ? { op: "complete", ref } : { op: "error", ref, error }),
    };
    job.status = "running";
    events.handleProgress(0);
    const transfer =
      answer.type === "channel"
        ? new ChannelTransfer({ host, ref, token: answer.token, file, chunkBytes: slot.config?.chunk_size }, events)
        : new ExternalTransfer(
            {
              host,
              ref,
              file,
              uploader: answer.uploader,
              meta: answer.meta,
              tell: (event, payload, told) => this.#tellOf(slot, ref, event, payload, told),
            },
            events,
          );
    job.stop = () => transfer.stop();
    // A listener that heard of it may have ended it.
    if (!this.#jobs.has(job)) transfer.stop();
  }

  #tellOf(slot: UploadSlot, ref: string, event: string, payload: object, answer?: (answer: LinkAnswer) => void): void {
    const message = { store_id: slot.record.id, name: slot.name, ref, ...payload };
    if (answer === undefined) this.#outbox.push(event, message);
    else this.#outbox.tell(event, message, answer);
  }

  /** The job is over; `op` says how, unless the slot knows already. */
  #end(job: Job, op?: SlotOp): void {
    if (!this.#jobs.delete(job)) return;
    job.stop();
    if (op !== undefined) this.#fold(job.slot, op);
    job.done.resolve();
    this.#unwatch(job.slot);
    this.#runNext();
  }

  #fold(slot: UploadSlot, op: SlotOp): void {
    slot.update(foldUpload(slot.state, { ...op, upload: slot.name, store_id: slot.record.id } as UploadOp));
  }

  #patch(slot: UploadSlot, change: Partial<UploadSlot["state"]>): void {
    slot.update({ ...slot.state, ...change });
  }

  #selectionsOf(slot: UploadSlot): Selection[] {
    return Array.from(this.#selections).filter((selection) => selection.slot === slot);
  }

  #jobsOf(slot: UploadSlot): Job[] {
    return Array.from(this.#jobs).filter((job) => job.slot === slot);
  }

  /** Hears what the server does to the slot's entries, and when the store leaves, while there is something under way. */
  #watch(slot: UploadSlot): void {
    if (!this.#watches.has(slot))
      this.#watches.set(
        slot,
        slot.subscribe(() => this.#handleSlot(slot)),
      );
  }

  #unwatch(slot: UploadSlot): void {
    if (this.#unsure.has(slot) || this.#selectionsOf(slot).length > 0 || this.#jobsOf(slot).length > 0) return;
    this.#watches.get(slot)?.();
    this.#watches.delete(slot);
  }

  #handleSlot(slot: UploadSlot): void {
    const isGone = !slot.isPresent;
    for (const job of this.#jobsOf(slot)) {
      const entry = slot.entries.find(({ ref }) => ref === job.ref);
      if (isGone) this.#end(job, { op: "error", ref: job.ref, error: { ...STORE_GONE } });
      else if (entry === undefined || !isOpen(entry)) this.#end(job);
    }
    const selections = this.#selectionsOf(slot);
    for (const { seen } of selections) for (const { ref } of slot.entries) seen.add(ref);
    if (!isGone) return this.#cancelLost(slot);
    this.#unsure.delete(slot);
    this.#unwatch(slot);
    for (const { answered } of selections) answered.resolve({ status: "lost", error: STORE_GONE });
  }

  #handleState(): void {
    const before = this.#status;
    const { status } = this.#root.state.current;
    this.#status = status;
    if (status === "live") this.#outbox.flush();
    for (const selection of Array.from(this.#selections)) {
      if (status !== "live") selection.isSent = false;
      this.#announce(selection);
    }
    if (status === "live") return;
    const isEnded = status === "closed" || status === "failed";
    // A root that was live and recovers is unmounted; one that comes back after a drop may go on.
    if (!isEnded && !(before === "live" && status === "recovering")) return;
    this.#outbox.clear();
    for (const slot of Array.from(this.#unsure)) {
      this.#unsure.delete(slot);
      this.#unwatch(slot);
    }
    for (const job of Array.from(this.#jobs)) {
      this.#end(job, { op: "error", ref: job.ref, error: { ...INTERRUPTED } });
    }
  }
}

function pendingEntry(ref: string, file: Blob): UploadEntry {
  return {
    ref,
    client_name: nameOf(file),
    client_size: file.size,
    client_type: file.type,
    progress: 0,
    status: "pending",
    errors: [],
  };
}

function toSlotError({ file, code, message }: RejectedFile): UploadError & { readonly client_name: string } {
  return { code, message, client_name: nameOf(file) };
}

function refusalOf(answer: LinkAnswer): UploadError {
  if (answer.status !== "error") return { code: "preflight_rejected", message: "The server did not answer in time." };
  return { ...readUploadError(answer.response, ""), code: "preflight_rejected" };
}
