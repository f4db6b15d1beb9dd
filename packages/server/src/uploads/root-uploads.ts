import { randomBytes } from "node:crypto";
import {
  ALLOW_UPLOAD,
  CANCEL_UPLOAD,
  type Clock,
  type JsonObject,
  MusubiError,
  UPLOAD_ERROR,
  UPLOAD_PROGRESS,
  type UploadOp,
} from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { Cycle } from "../stores/cycle.js";
import { refusal } from "../stores/failure.js";
import type { Instance } from "../stores/instance.js";
import { Rejection } from "../stores/rejection.js";
import { openResource } from "../stores/resource.js";
import type { Answer } from "../stores/root-message.js";
import type { RootScope } from "../stores/root-scope.js";
import { allowFiles } from "./allow-files.js";
import { Entry, type EntryOwner } from "./entry.js";
import {
  parseAllowUpload,
  parseEntryMessage,
  parseFailure,
  parseProgress,
  type SlotAddress,
} from "./upload-messages.js";
import { UploadNotices } from "./upload-notices.js";
import type { UploadService } from "./upload-service.js";

/** Work for the mailbox of a root: runs as a message of its own, and resolves with the reply. */
export type UploadWork = (cycle: Cycle) => JsonObject | Promise<JsonObject>;

/** What uploads need of their root. */
export interface UploadRoot {
  readonly scope: RootScope;
  readonly handlerTimeoutMs: number;
  /** Puts work into the mailbox; whether it was taken. `name` is for logs. */
  enqueue(name: string, work: UploadWork, answer: Answer | null): boolean;
}

/**
 * The uploads of one root: made when a store with slots mounts. What clients ask of slots passes the root's mailbox;
 * what files bring does not, only the news of it.
 */
export class RootUploads implements EntryOwner {
  readonly service: UploadService;
  readonly root: UploadRoot;
  readonly #entries = new Map<string, Entry>();
  readonly #notices: UploadNotices;
  /** Stores whose end will take their entries with it. */
  readonly #held = new Set<Instance>();

  constructor(service: UploadService, root: UploadRoot) {
    service.start();
    this.service = service;
    this.root = root;
    this.#notices = new UploadNotices(this.clock, (work) => root.enqueue("upload", work, null));
  }

  get clock(): Clock {
    return this.root.scope.clock;
  }

  get logger(): Logger {
    return this.root.scope.logger;
  }

  get tokenTtlMs(): number {
    return this.service.tokenTtlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A store has mounted that has slots, or takes the place of one that had: tells its client what they take. */
  mounted(cycle: Cycle, instance: Instance): void {
    const former = this.root.scope.storeAt(instance.key)?.definition.uploads;
    // A store that takes the place of another with its id must not show the other's entries, nor must the next one.
    for (const name of former?.keys() ?? []) this.tell(cycle, instance, name, { op: "reset" });
    for (const [name, { config }] of instance.definition.uploads) {
      this.tell(cycle, instance, name, { op: "config", config });
    }
  }

  /**
   * Takes a message of the client, and `defer`s the answer; one of the wrong shape throws `malformed_message` before.
   * `owner` is whose connection it is.
   */
  handle(event: string, payload: unknown, owner: string, defer: () => Answer): void {
    if (event === ALLOW_UPLOAD) {
      const { files, ...address } = parseAllowUpload(payload);
      this.#enqueue(event, defer, (cycle) => {
        const instance = this.#storeAt(address);
        return allowFiles(this, cycle, instance, address.slotName, files, owner);
      });
      return;
    }
    const { ref, ...address } = parseEntryMessage(payload);
    if (event === CANCEL_UPLOAD) {
      this.#enqueue(event, defer, (cycle) => {
        const count = this.cancel(cycle, this.#storeAt(address), address.slotName, ref);
        if (count === 0) throw new Rejection("unknown_upload", refusal("unknown_upload"));
        return {};
      });
      return;
    }
    // They change no store, so they need not wait for one.
    const entry = this.#entries.get(ref);
    const isTheirs = entry?.instance.key === address.storeKey && entry.slotName === address.slotName;
    if (entry === undefined || !isTheirs || entry.isChannel) return defer()("error", refusal("unknown_upload"));
    if (event === UPLOAD_PROGRESS) entry.send({ type: "reported", progress: parseProgress(payload) });
    else if (event === UPLOAD_ERROR) entry.send({ type: "report_failed", error: parseFailure(payload) });
    defer()("ok", {});
  }

  /** Hands what has arrived in a slot to the app; see `StoreContext.consumeUploadedEntries`. */
  async consume(
    cycle: Cycle,
    instance: Instance,
    name: string,
    consume: (entry: unknown, postpone: () => void) => unknown,
  ): Promise<unknown[]> {
    const results: unknown[] = [];
    for (const entry of this.entriesOf(instance, name)) {
      if (entry.state.status !== "complete" || entry.claimedBy !== null) continue;
      const free = claim(cycle, entry);
      let isPostponed = false;
      try {
        const result = await consume(await entry.uploaded(), () => {
          isPostponed = true;
        });
        results.push(result);
      } catch (cause) {
        free();
        throw cause;
      }
      if (cycle.over) throw cycle.cancelled ?? new MusubiError("stale_context", "the message has ended");
      if (isPostponed) free();
      else cycle.onCommit(() => entry.send({ type: "consumed" }));
    }
    return results;
  }

  /** Cancels entries of a slot with the message that is being handled, all without a `ref`; returns how many. */
  cancel(cycle: Cycle, instance: Instance, name: string, ref?: string): number {
    const chosen = this.entriesOf(instance, name).filter(
      (entry) => entry.claimedBy === null && (ref === undefined || entry.info.ref === ref),
    );
    for (const entry of chosen) {
      claim(cycle, entry);
      this.tell(cycle, instance, name, { op: "cancel", ref: entry.info.ref });
      cycle.onCommit(() => {
        this.#notices.drop(entry);
        entry.send({ type: "cancel" });
      });
    }
    return chosen.length;
  }

  /** The entries of a slot, in the order of their announcement. Throws `invalid_usage` for an unknown one. */
  entriesOf(instance: Instance, name: string): Entry[] {
    if (!instance.definition.uploads.has(name)) {
      throw new MusubiError("invalid_usage", `${instance.label} defines no upload called "${name}"`);
    }
    return Array.from(this.#entries.values()).filter((entry) => entry.instance === instance && entry.slotName === name);
  }

  /** A new name for an entry: random, and fit for a topic and a file. */
  newRef(): string {
    return randomBytes(16).toString("base64url");
  }

  /** Takes up an entry that a message has made. */
  add(entry: Entry): void {
    this.#entries.set(entry.info.ref, entry);
    this.service.add(entry);
  }

  /** Sees to it that the entries of a store end with it. */
  hold(cycle: Cycle, instance: Instance): void {
    if (this.#held.has(instance)) return;
    this.#held.add(instance);
    cycle.onRollback(() => this.#held.delete(instance));
    openResource(cycle, instance).release = () => this.#drop(instance);
  }

  /** Sends an op with the envelope of this message. */
  tell(cycle: Cycle, instance: Instance, upload: string, op: SlotOp): void {
    cycle.uploadOps.push({ instance, op: toOp(instance, upload, op) });
  }

  progressed(entry: Entry): void {
    const { info, instance, slotName, progress } = entry;
    this.#notices.later(entry, toOp(instance, slotName, { op: "progress", ref: info.ref, progress }));
  }

  ended(entry: Entry, told: () => void): void {
    const { info, instance, slotName, state } = entry;
    const op: SlotOp =
      state.status === "failed"
        ? { op: "error", ref: info.ref, error: { ...state.error } }
        : { op: "complete", ref: info.ref };
    this.#notices.now(entry, toOp(instance, slotName, op), told);
  }

  discarded(entry: Entry): void {
    if (this.#entries.delete(entry.info.ref)) this.service.discard(entry);
  }

  #enqueue(event: string, defer: () => Answer, work: UploadWork): void {
    const answer = defer();
    if (!this.root.enqueue(event, work, answer)) answer("error", refusal("overloaded"));
  }

  #storeAt({ storeKey, slotName }: SlotAddress): Instance {
    const instance = this.root.scope.storeAt(storeKey);
    const code = instance === undefined ? "unknown_store" : "unknown_upload";
    if (instance?.definition.uploads.has(slotName) !== true) throw new Rejection(code, refusal(code));
    return instance;
  }

  #drop(instance: Instance): void {
    this.#held.delete(instance);
    for (const entry of this.#entries.values()) if (entry.instance === instance) entry.send({ type: "cancel" });
    this.#notices.dropAll(instance);
  }
}

/** An op of a slot, before it says of which. */
export type SlotOp = UploadOp extends infer Op
  ? Op extends UploadOp
    ? Omit<Op, "upload" | "store_id">
    : never
  : never;

function toOp(instance: Instance, upload: string, op: SlotOp): UploadOp {
  // The members that were left out above are put back.
  return { ...op, upload, store_id: instance.storeId } as UploadOp;
}

/** Takes an entry for this message, until it fails; returns what gives it free. */
function claim(cycle: Cycle, entry: Entry): () => void {
  const free = (): void => {
    // Code that outlives its message must not free what a later one has.
    if (entry.claimedBy === cycle) entry.claimedBy = null;
  };
  entry.claimedBy = cycle;
  cycle.onRollback(free);
  return free;
}
