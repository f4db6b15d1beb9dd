import {
  isObject,
  type JsonObject,
  UPLOAD_TOPIC,
  type UploadConfig,
  type UploadEntry,
  type UploadOp,
} from "@musubi/protocol";
import type { SeededRandom } from "@musubi/testing";
import type { Coverage } from "./coverage.js";
import type { HeldAnswers } from "./held-answers.js";
import type { ModelRoots } from "./model-roots.js";
import type { Reply } from "./model-session.js";
import type { RootRun } from "./root-run.js";

/** Each root has one slot, of this name. */
export const SLOT = "files";

const CONFIG: UploadConfig = { accept: ["mood/*"], max_entries: 6, max_file_size: 60, chunk_size: 9 };

interface AnnouncedFile {
  readonly client_ref: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/** A file that the server has taken. */
export interface ModelEntry {
  readonly run: RootRun;
  /** What its client calls it. */
  readonly clientRef: string;
  readonly shown: UploadEntry;
  readonly received: number[];
}

/** What {@link ModelUploads} needs of its server. */
export interface UploadsContext {
  readonly roots: ModelRoots;
  readonly random: SeededRandom;
  readonly held: HeldAnswers;
  readonly coverage: Coverage;
  readonly complain: (what: string) => void;
  /** Whether a file that is announced again is known to be the one that was taken. */
  readonly knowsAgain: boolean;
  /** Crashes the channel that a root is on. */
  readonly crash: (run: RootRun) => void;
  /** Whether a life of a root goes on. */
  readonly isHeld: (run: RootRun) => boolean;
  /** Ends a file's channel, on whichever connection it is. */
  readonly endChannel: (topic: string, how: "close" | "crash") => void;
}

/** The files that a server takes (protocol.md section 6), by `entry_ref`. */
export class ModelUploads {
  readonly entries: Map<string, ModelEntry> = new Map();
  /** Refs whose channel was closed by the server, or crashed again and again, which ends the file here. */
  readonly closed: Set<string> = new Set();
  readonly #crashes = new Map<string, number>();
  readonly #context: UploadsContext;

  constructor(context: UploadsContext) {
    this.#context = context;
  }

  /** The entries of a life of a root, as its client is to show them. */
  entriesOf(run: RootRun): ModelEntry[] {
    return Array.from(this.entries.values()).filter((entry) => entry.run === run);
  }

  allow(run: RootRun | undefined, fields: JsonObject, reply: Reply): void {
    const { coverage, random, complain, held, knowsAgain, crash } = this.#context;
    if (run === undefined) return reply("error", { reason: "unknown root" });
    const announced = fields["entries"];
    if (fields["name"] !== SLOT || !Array.isArray(announced)) return complain("allow_upload of a wrong shape");
    const answers: Record<string, JsonObject> = {};
    const errors: JsonObject[] = [];
    const ops: UploadOp[] = [];
    for (const each of announced) {
      if (!isObject(each)) return complain("allow_upload with an entry that is none");
      const { client_ref, name, size, type } = each as unknown as AnnouncedFile;
      if (type === "mood/silent") return coverage.note("upload unanswered");
      if (type === "mood/poison") coverage.note("upload crashes the channel");
      if (type === "mood/poison") return crash(run);
      if (type === "mood/refuse") {
        coverage.note("upload refused");
        errors.push({ ref: client_ref, code: "not_accepted", message: "not that one" });
        continue;
      }
      const isExternal = type.startsWith("mood/external");
      const former = this.entriesOf(run).find((entry) => entry.clientRef === client_ref);
      if (former !== undefined) coverage.note(knowsAgain ? "upload known again" : "upload taken twice");
      const known = knowsAgain ? former : undefined;
      const about = { client_name: name, client_size: size, client_type: type };
      const { ref } = (known ?? this.#add(run, client_ref, about)).shown;
      const answer = isExternal
        ? { type: "external", uploader: "store", meta: {} }
        : { type: "channel", token: `t ${ref}` };
      answers[client_ref] = { ...answer, entry_ref: ref };
      if (known !== undefined) continue;
      ops.push({ ...this.#op, op: "add", ref, entry: this.#shown(ref) });
      coverage.note(isExternal ? "upload elsewhere" : "upload taken");
    }
    const answer = (): void => reply("ok", { ref: "slot", config: CONFIG as JsonObject, entries: answers, errors });
    const isLate = ops.length > 0 && ops.every((op) => op.op === "add" && op.entry.client_type === "mood/late_answer");
    const isEarly = isLate || random.chance(0.3);
    if (!isEarly) answer();
    this.#publish(run, [{ ...this.#op, op: "config", config: CONFIG }, ...ops]);
    if (isLate || (isEarly && random.chance(0.5))) held.hold(random.integer(1, 2_000), answer);
    else if (isEarly) answer();
  }

  /** `cancel_upload`, `upload_progress` and `upload_error`. */
  tell(kind: "cancel" | "progress" | "error", run: RootRun | undefined, fields: JsonObject, reply: Reply): void {
    const { coverage } = this.#context;
    const ref = fields["ref"] as string;
    const entry = this.entries.get(ref);
    if (entry === undefined || entry.run !== run) return reply("error", { reason: "unknown entry" });
    reply("ok", {});
    if (!isOpen(entry) && (kind !== "cancel" || entry.shown.status !== "error")) return;
    if (kind === "cancel") {
      coverage.note("upload cancelled");
      this.#cancel(entry);
    } else if (kind === "error") {
      coverage.note("upload elsewhere failed");
      this.#fail(entry, fields["code"] as string);
    } else if (fields["progress"] === 100) {
      this.#complete(entry);
    } else {
      this.#move(entry, fields["progress"] as number);
    }
  }

  /** The join of a file's own channel. Returns whether it is let in. */
  join(topic: string, fields: JsonObject, reply: Reply): boolean {
    const { coverage, complain } = this.#context;
    const ref = topic.slice(UPLOAD_TOPIC.length);
    const entry = this.entries.get(ref);
    if (fields["token"] !== `t ${ref}`) complain(`a token that was never given: ${JSON.stringify(fields["token"])}`);
    if (entry === undefined || !this.#context.isHeld(entry.run) || entry.shown.status === "cancelled") {
      coverage.note("upload too late");
      reply("error", { reason: "unknown_upload" });
      return false;
    }
    if (entry.received.length > 0) coverage.note("upload continued from an offset");
    reply(
      "ok",
      entry.received.length === 0 && this.#context.random.chance(0.5) ? {} : { offset: entry.received.length },
    );
    if (entry.received.length === entry.shown.client_size && isOpen(entry)) this.#complete(entry);
    return true;
  }

  chunk(topic: string, fields: JsonObject, reply: Reply): void {
    const { coverage, complain, isHeld, endChannel, random, held } = this.#context;
    const entry = this.entries.get(topic.slice(UPLOAD_TOPIC.length));
    const bytes = fields["bytes"];
    if (!Array.isArray(bytes)) return complain("a chunk without bytes");
    if (entry === undefined || !isHeld(entry.run) || !isOpen(entry)) {
      coverage.note("upload too late");
      if (random.chance(0.5)) return endChannel(topic, "close");
      return reply("error", { reason: "unknown_upload" });
    }
    const { client_size, client_type } = entry.shown;
    if (bytes.length > 9 || bytes.length === 0 || entry.received.length + bytes.length > client_size)
      complain(`a chunk of ${bytes.length} bytes after ${entry.received.length} of ${client_size}`);
    if (client_type === "mood/reject_chunk" && entry.received.length > 0) {
      coverage.note("chunk refused");
      this.#fail(entry, "chunk_too_large");
      return reply("error", { code: "chunk_too_large", message: "no more" });
    }
    coverage.note("chunk");
    entry.received.push(...(bytes as number[]));
    const progress = Math.floor((entry.received.length * 100) / client_size);
    if (client_type === "mood/slow") held.hold(random.integer(30, 300), () => reply("ok", { progress }));
    else reply("ok", { progress });
    if (entry.received.length === client_size) this.#complete(entry);
    else if (random.chance(0.3)) this.#move(entry, progress);
  }

  /** The server ends a file's channel. */
  handleEnd(ref: string, how: "close" | "crash"): void {
    const crashes = (this.#crashes.get(ref) ?? 0) + 1;
    if (how === "crash") this.#crashes.set(ref, crashes);
    if (how === "close" || crashes >= 3) this.closed.add(ref);
  }

  /** Does something to a file that nobody asked for. */
  trouble(kind: "cancel" | "error" | "close" | "crash", index: number): void {
    const open = Array.from(this.entries.values()).filter((entry) => isOpen(entry) && this.#context.isHeld(entry.run));
    const begun = open.filter(({ received }) => received.length > 0);
    const entry = begun[index % Math.max(1, begun.length)] ?? open[index % Math.max(1, open.length)];
    if (entry === undefined) return;
    this.#context.coverage.note("upload troubled by the server");
    if (kind === "cancel") this.#cancel(entry);
    else if (kind === "error") this.#fail(entry, "internal");
    else this.#context.endChannel(UPLOAD_TOPIC + entry.shown.ref, kind);
  }

  get #op(): { readonly upload: string; readonly store_id: readonly string[] } {
    return { upload: SLOT, store_id: [] };
  }

  #shown(ref: string): UploadEntry {
    return (this.entries.get(ref) as ModelEntry).shown;
  }

  #add(
    run: RootRun,
    clientRef: string,
    named: Pick<UploadEntry, "client_name" | "client_size" | "client_type">,
  ): ModelEntry {
    const ref = `entry-${this.entries.size}`;
    const shown: UploadEntry = { ref, ...named, progress: 0, status: "pending", errors: [] };
    const entry = { run, clientRef, shown, received: [] };
    this.entries.set(ref, entry);
    return entry;
  }

  #complete(entry: ModelEntry): void {
    this.#context.coverage.note("upload complete");
    this.#set(entry, { status: "success", progress: 100 }, { op: "complete" });
  }

  #move(entry: ModelEntry, progress: number): void {
    this.#set(entry, { status: "uploading", progress }, { op: "progress", progress });
  }

  #cancel(entry: ModelEntry): void {
    this.#set(entry, { status: "cancelled" }, { op: "cancel" });
    if (this.#context.random.chance(0.5)) this.#context.endChannel(UPLOAD_TOPIC + entry.shown.ref, "close");
  }

  #fail(entry: ModelEntry, code: string): void {
    this.#set(entry, { status: "error", errors: [{ code }] }, { op: "error", error: { code } });
  }

  #set(entry: ModelEntry, change: Partial<UploadEntry>, op: JsonObject): void {
    const { ref } = entry.shown;
    const next = { ...entry, shown: { ...entry.shown, ...change } };
    this.entries.set(ref, next);
    this.#publish(entry.run, [{ ...this.#op, ref, ...op } as unknown as UploadOp]);
  }

  #publish(run: RootRun, ops: readonly UploadOp[]): void {
    this.#context.roots.publishUploads(run, ops);
  }
}

function isOpen({ shown }: ModelEntry): boolean {
  return shown.status === "pending" || shown.status === "uploading";
}
