import { CHUNK, isObject, type TimerHandle, UPLOAD_TOPIC, type UploadError } from "@musubi/protocol";
import { JoinRequests } from "../connection/requests.js";
import type { ChannelLike } from "../connection/socket-like.js";
import { guarded } from "../connection/topology.js";
import { JOINING, nextTransfer, type TransferEvent, type TransferSizes, type TransferState } from "./transfer-state.js";
import { readUploadError } from "./upload-error.js";
import type { UploadHost } from "./upload-root.js";

/** What a transfer tells its owner. Nothing follows `end`. */
export interface TransferEvents {
  /** A whole number from 0 to 100. */
  handleProgress(percent: number): void;
  /** Without an error the file is there. */
  handleEnd(error?: UploadError): void;
}

/** Milliseconds to wait for the answer to a join or a chunk, with the socket connected. */
export const CHUNK_TIMEOUT_MS = 30_000;

/** Bytes of a chunk where the server does not say; and the most whatever it says, since a chunk is held in memory. */
const DEFAULT_CHUNK_BYTES = 64_000;
const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** Crashes of the server's side of a channel, without a chunk answered between them, that are got over. */
const MAX_CRASHES = 3;

/** Error replies to a chunk upon which it is pushed again, how often, and after how many milliseconds. */
const BUSY = ["rate_limited", "overloaded"];
const MAX_REFUSALS = 10;
export const BUSY_DELAY_MS = 1_000;

const NO_BYTES = new ArrayBuffer(0);

/** What a {@link ChannelTransfer} sends. */
export interface ChannelTransferOptions {
  readonly host: UploadHost;
  readonly ref: string;
  readonly token: unknown;
  readonly file: Blob;
  readonly chunkBytes: number | null | undefined;
}

/** Drives `transfer-state.ts`: a file over its own channel. Only one chunk of the file is in memory at a time. */
export class ChannelTransfer {
  readonly #options: ChannelTransferOptions;
  readonly #sizes: TransferSizes;
  readonly #events: TransferEvents;
  #state: TransferState = JOINING;
  #channel: ChannelLike | undefined;
  #requests: JoinRequests | undefined;
  #timer: TimerHandle | undefined;
  /** Since the last chunk that was answered ok. */
  #crashes = 0;
  #refusals = 0;
  #chunk = NO_BYTES;

  constructor(options: ChannelTransferOptions, events: TransferEvents) {
    const { chunkBytes, file } = options;
    this.#options = options;
    this.#events = events;
    const chunk = Number.isInteger(chunkBytes) && (chunkBytes as number) > 0 ? (chunkBytes as number) : undefined;
    this.#sizes = { size: file.size, chunk: Math.min(chunk ?? DEFAULT_CHUNK_BYTES, MAX_CHUNK_BYTES) };
    this.#awaitJoin();
    this.#open();
  }

  /** Ends it without a word to its owner. */
  stop(): void {
    this.#send({ type: "stop" });
  }

  #open(): void {
    const { host, ref, token } = this.#options;
    const channel = host.uploads.socket.channel(UPLOAD_TOPIC + ref, { token });
    this.#channel = channel;
    const guard = <Args extends unknown[]>(handle: (...args: Args) => void): ((...args: Args) => void) =>
      guarded(host.logger, () => this.#channel === channel, handle);
    channel.onError(guard(() => this.#drop()));
    channel.onClose(
      guard(() => {
        this.#channel = undefined;
        this.#send({ type: "closed" });
      }),
    );
    channel
      .join()
      .receive(
        "ok",
        guard((response) => this.#handleJoined(channel, response)),
      )
      .receive(
        "error",
        guard((response) => this.#send({ type: "refused", error: readUploadError(response, "internal") })),
      );
  }

  #handleJoined(channel: ChannelLike, response: unknown): void {
    const { clock, uploads } = this.#options.host;
    this.#endJoin();
    this.#requests = new JoinRequests(channel, () => uploads.socket.isConnected(), clock);
    const offset = isObject(response) ? response["offset"] : undefined;
    const isOffset = Number.isInteger(offset) && (offset as number) >= 0 && (offset as number) <= this.#sizes.size;
    this.#send({ type: "joined", offset: isOffset ? (offset as number) : 0 });
  }

  #drop(): void {
    this.#endJoin();
    // With the connection up it was the server's side that failed, and phoenix.js would try for ever.
    const hasCrashed = this.#options.host.uploads.socket.isConnected();
    this.#send({ type: hasCrashed && ++this.#crashes > MAX_CRASHES ? "closed" : "dropped" });
  }

  #send(event: TransferEvent): void {
    const { state, effects } = nextTransfer(this.#state, event, this.#sizes);
    this.#state = state;
    for (const effect of effects) {
      if (effect === "await_join") this.#awaitJoin();
      else if (effect === "read") void this.#read();
      else if (effect === "push") this.#push();
      else this.#end();
    }
  }

  /** Waits for a join's answer; the time without a connection does not count. */
  #awaitJoin(): void {
    const { clock, uploads } = this.#options.host;
    const wasConnected = uploads.socket.isConnected();
    this.#stopTimer();
    this.#timer = clock.setTimeout(() => {
      if (wasConnected && uploads.socket.isConnected()) this.#send({ type: "timeout" });
      else this.#awaitJoin();
    }, CHUNK_TIMEOUT_MS);
  }

  async #read(): Promise<void> {
    const { status, at } = this.#state as TransferState & { at: number };
    const requests = this.#requests;
    if (status !== "reading") return;
    const { size, chunk } = this.#sizes;
    let event: TransferEvent = { type: "read" };
    let bytes = NO_BYTES;
    try {
      this.#events.handleProgress(Math.floor((at * 100) / size));
      bytes = ofThisRealm(await this.#options.file.slice(at, Math.min(size, at + chunk)).arrayBuffer());
    } catch (cause) {
      event = { type: "unreadable", error: { code: "internal", message: `The file cannot be read: ${String(cause)}` } };
    }
    // What an older join asked for is not wanted any more.
    if (this.#requests !== requests) return;
    this.#chunk = bytes;
    this.#send(event);
  }

  #push(): void {
    this.#requests?.push(CHUNK, this.#chunk, CHUNK_TIMEOUT_MS, (answer) => {
      if (answer.status === "ok") {
        this.#crashes = this.#refusals = 0;
        this.#send({ type: "acked" });
      } else if (answer.status === "timeout") {
        this.#send({ type: "timeout" });
      } else {
        const error = readUploadError(answer.response, "internal");
        if (!BUSY.includes(error.code) || ++this.#refusals > MAX_REFUSALS) this.#send({ type: "rejected", error });
        else this.#timer = this.#options.host.clock.setTimeout(() => this.#push(), BUSY_DELAY_MS);
      }
    });
  }

  #end(): void {
    this.#endJoin();
    const channel = this.#channel;
    this.#channel = undefined;
    this.#chunk = NO_BYTES;
    channel?.leave();
    const state = this.#state;
    if (state.status === "failed") this.#events.handleEnd(state.error);
    else if (state.status === "done") this.#events.handleEnd();
  }

  #endJoin(): void {
    this.#stopTimer();
    this.#requests?.end();
    this.#requests = undefined;
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#options.host.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** phoenix.js sends as bytes what is an ArrayBuffer of its own realm, and anything else as JSON. */
function ofThisRealm(bytes: ArrayBuffer): ArrayBuffer {
  if (bytes.constructor === ArrayBuffer) return bytes;
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(new Uint8Array(bytes));
  return copy.buffer;
}
