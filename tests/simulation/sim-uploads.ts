import type { ExternalUpload, UploadHandle } from "@musubi/client";
import type { Clock } from "@musubi/protocol";
import type { Coverage } from "./coverage.js";
import { Divergence } from "./divergence.js";
import type { ModelServer } from "./model-server.js";
import type { RootWatch } from "./root-watch.js";
import { type FileMood, SimFile } from "./sim-file.js";

/** The files of an application, and whether what the two sides say of them agrees. */
export class SimUploads {
  readonly #clock: Clock;
  readonly #server: ModelServer;
  readonly #coverage: Coverage;
  readonly #fail: (error: unknown) => void;
  readonly #files = new Map<string, SimFile>();
  /** Slots whose view was cleared: what the server keeps of them need not be seen. */
  readonly #reset = new Set<UploadHandle>();
  /** Refs of files that can be sent from here. */
  readonly #accepted = new Set<string>();
  #pending = 0;

  constructor(clock: Clock, server: ModelServer, coverage: Coverage, fail: (error: unknown) => void) {
    this.#clock = clock;
    this.#server = server;
    this.#coverage = coverage;
    this.#fail = fail;
  }

  /** Promises of slots that have not settled. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * To be awaited before a slot is used: the first use of a root's slots loads code, in real time, in which nothing
   * else may happen.
   */
  async load(watch: RootWatch): Promise<UploadHandle | undefined> {
    const { slot } = watch;
    if (watch.root.isClosed) return undefined;
    await slot?.cancel("none");
    return slot;
  }

  select(slot: UploadHandle, sizes: readonly number[], mood: FileMood, start: "at_once" | "after" | "later"): void {
    const files = sizes.map((size) => {
      const file = new SimFile(`file-${this.#files.size}`, mood, size, this.#clock);
      this.#files.set(file.name, file);
      return file;
    });
    this.#expect(
      slot.select(files as unknown as Blob[], { autoStart: start === "at_once" }).then(({ accepted, rejected }) => {
        for (const ref of accepted) this.#accepted.add(ref);
        for (const { code } of rejected) if (code === "too_large") this.#coverage.note("upload refused here");
        if (accepted.length + rejected.length > files.length)
          throw new Divergence("a file is taken or refused, once", JSON.stringify({ accepted, rejected }));
      }),
    );
    if (start !== "later") this.#expect(slot.start());
  }

  act(slot: UploadHandle, act: "start" | "cancel" | "cancel_all" | "reset", index: number): void {
    if (act === "start") this.#expect(slot.start());
    else if (act === "cancel_all") this.#expect(slot.cancel());
    else if (act === "reset") {
      this.#coverage.note("upload slot reset");
      this.#reset.add(slot);
      this.#expect(slot.reset());
    } else {
      const entry = slot.entries[index % Math.max(1, slot.entries.length)];
      if (entry !== undefined) this.#expect(slot.cancel(entry.ref));
    }
  }

  /** The application's own uploader. */
  send({ file, signal, onProgress }: ExternalUpload): Promise<void> {
    const isFailing = (file as unknown as SimFile).type === "mood/external_failing";
    return new Promise((resolve, reject) => {
      let percent = 0;
      const step = (): void => {
        percent += 23;
        if (signal.aborted) reject(new Error("aborted"));
        else if (percent > 60 && isFailing) reject(new Error("the store is full"));
        else if (percent >= 100) resolve();
        else {
          onProgress(percent);
          this.#clock.setTimeout(step, 170);
        }
      };
      this.#clock.setTimeout(step, 170);
    });
  }

  /** Compares a quiet root's slot with what its server has. */
  compare(watch: RootWatch): void {
    const { slot, run } = watch;
    if (slot === undefined || run === undefined) return;
    const held = new Map(this.#server.uploads.entriesOf(run).map((entry) => [entry.shown.ref, entry]));
    for (const { ref, status, errors } of slot.entries) {
      const entry = held.get(ref);
      held.delete(ref);
      const last = errors.at(-1)?.code;
      if (status === "pending" && !this.#accepted.has(ref))
        throw new Divergence("what nobody can send is cancelled", `${watch.root.key} ${ref}`);
      if (entry === undefined) {
        // Of a former life, or taken by one and answered in the next: the application may still cancel it.
        if (status !== "error" && status !== "cancelled") throw differs(watch, ref, status, "nothing");
        if (last === "interrupted") this.#coverage.note("upload interrupted");
        continue;
      }
      const { shown, received } = entry;
      const file = this.#files.get(shown.client_name);
      const isOpen = shown.status === "pending" || shown.status === "uploading";
      const failedHere = status === "error" && isOpen && this.#mayFailHere(ref, file, last);
      if (status === "uploading" || (status !== shown.status && !failedHere))
        throw differs(watch, ref, status, shown.status);
      const isChannel = file?.type.startsWith("mood/external") !== true;
      if (status === "success" && isChannel && JSON.stringify(received) !== JSON.stringify(file?.bytes))
        throw new Divergence("the server has the file", `${ref}: ${received.length} bytes of ${file?.size}`);
    }
    if (held.size > 0 && !this.#reset.has(slot))
      throw differs(watch, Array.from(held.keys()).join(), "nothing", "there");
  }

  /** Whether a file may have failed without a word from the server, which hears no more of it: a drop is no reason. */
  #mayFailHere(ref: string, file: SimFile | undefined, code: string | undefined): boolean {
    const isClosed = this.#server.uploads.closed.has(ref);
    const isLate = code === "chunk_timeout" || code === "interrupted";
    return (
      isClosed ||
      isLate ||
      (file?.type !== "mood/ok" && file?.type !== "mood/slow" && file?.type !== "mood/late_answer")
    );
  }

  #expect(promise: Promise<unknown>): void {
    this.#pending++;
    void promise
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#pending--;
      });
  }
}

function differs({ root }: RootWatch, ref: string, here: string, there: string): Divergence {
  return new Divergence("the slot is the server's", `${root.key} ${ref}: ${here} here, ${there} there`);
}
