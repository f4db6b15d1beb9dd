import { type JsonValue, type TimerHandle, UPLOAD_ERROR, UPLOAD_PROGRESS } from "@musubi/protocol";
import type { LinkAnswer } from "../connection/root-link.js";
import type { TransferEvents } from "./channel-transfer.js";
import { nameOf } from "./check-files.js";
import { readUploadError } from "./upload-error.js";
import type { UploadHost } from "./upload-root.js";

/** Milliseconds between two reports of progress to the server. */
export const REPORT_EVERY_MS = 250;

/** What an {@link ExternalTransfer} sends, and how it reports. */
export interface ExternalTransferOptions {
  readonly host: UploadHost;
  readonly ref: string;
  readonly file: Blob;
  readonly uploader: string;
  readonly meta: JsonValue;
  /** Tells the server. With `answer` until it answers, else only if it can be told now. */
  readonly tell: (event: string, payload: object, answer?: (answer: LinkAnswer) => void) => void;
}

/** A file on its way through one of the app's own uploaders; the server hears of it (protocol.md section 6). */
export class ExternalTransfer {
  readonly #options: ExternalTransferOptions;
  readonly #events: TransferEvents;
  readonly #controller = new AbortController();
  #isOver = false;
  #progress = 0;
  #reported = 0;
  #timer: TimerHandle | undefined;

  constructor(options: ExternalTransferOptions, events: TransferEvents) {
    this.#options = options;
    this.#events = events;
    const { host, uploader } = options;
    const send = host.uploads.uploaders.get(uploader);
    const { ref, file, meta } = options;
    const upload = {
      file,
      ref,
      name: nameOf(file),
      meta,
      signal: this.#controller.signal,
      onProgress: (percent: number) => this.#handleProgress(percent),
    };
    Promise.resolve()
      .then(() => {
        if (send === undefined) throw new Error(`connect was given no uploader "${uploader}".`);
        return this.#isOver ? undefined : send(upload);
      })
      .then(
        () => this.#finish(),
        (cause: unknown) => {
          const code = send === undefined ? "unknown_uploader" : "external_failed";
          this.#fail(code, cause instanceof Error ? cause.message : String(cause));
        },
      );
  }

  /** Ends it without a word to its owner. */
  stop(): void {
    this.#end();
    this.#controller.abort();
  }

  #handleProgress(percent: number): void {
    // The last percent is the end's to tell.
    const progress = Math.min(99, Math.floor(percent));
    if (this.#isOver || !(progress > this.#progress)) return;
    this.#progress = progress;
    this.#events.handleProgress(progress);
    if (this.#timer === undefined) this.#report();
  }

  #report(): void {
    this.#timer = undefined;
    if (this.#reported === this.#progress) return;
    this.#reported = this.#progress;
    this.#options.tell(UPLOAD_PROGRESS, { progress: this.#progress });
    this.#timer = this.#options.host.clock.setTimeout(() => this.#report(), REPORT_EVERY_MS);
  }

  #finish(): void {
    if (this.#end()) return;
    this.#options.tell(UPLOAD_PROGRESS, { progress: 100 }, (answer) => {
      if (answer.status === "ok") this.#events.handleEnd();
      else {
        const response =
          answer.status === "error" ? answer.response : { message: "The server did not answer in time." };
        this.#events.handleEnd(readUploadError(response, "external_failed"));
      }
    });
  }

  #fail(code: string, message: string): void {
    if (this.#end()) return;
    const error = { code, message };
    this.#options.tell(UPLOAD_ERROR, error, () => {});
    this.#events.handleEnd(error);
  }

  /** Returns whether it had ended before. */
  #end(): boolean {
    if (this.#timer !== undefined) this.#options.host.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const wasOver = this.#isOver;
    this.#isOver = true;
    return wasOver;
  }
}
