import type { Clock, JsonObject, TimerHandle, UploadError } from "@musubi/protocol";
import { error, type HandlerResult, ok, stop } from "../channels/channel.js";
import type { Logger } from "../logger.js";
import type { Cycle } from "../stores/cycle.js";
import { refusal } from "../stores/failure.js";
import type { Instance } from "../stores/instance.js";
import { type EntryEffect, type EntryEvent, type EntryState, nextEntry, progressOf } from "./entry-state.js";
import type { TempFile } from "./temp-file.js";
import type { ExternalTarget, UploadFile, UploadSlot } from "./upload-definition.js";

/** A channel that brings the bytes of an entry: one join of it. */
export interface EntryChannel {
  /** Ends it from this side. */
  end(): void;
}

/** Where an entry reports to. */
export interface EntryOwner {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tokenTtlMs: number;
  /** Its progress has grown. */
  progressed(entry: Entry): void;
  /** It is complete or has failed, which its client is to hear; `told` is to be called thereafter. */
  ended(entry: Entry, told: () => void): void;
  /** Nothing is left of it. */
  discarded(entry: Entry): void;
}

/** What an entry is about. */
export interface EntryOptions {
  readonly owner: EntryOwner;
  readonly instance: Instance;
  readonly slotName: string;
  readonly slot: UploadSlot;
  readonly info: UploadFile;
  /** Where its bytes come to, or where its client sends them. */
  readonly target: TempFile | ExternalTarget;
}

/** Drives `entry-state.ts`: one file of a slot, with its timer, its channel and its temp file. Nothing here throws. */
export class Entry {
  readonly info: UploadFile;
  readonly instance: Instance;
  readonly slotName: string;
  /** The message that is being handled and consumes or cancels it: for others it is gone. */
  claimedBy: Cycle | null = null;
  readonly #options: EntryOptions;
  readonly #file: TempFile | null;
  #state: EntryState;
  #timer: TimerHandle | undefined;
  #channel: EntryChannel | null = null;
  #bytes: Uint8Array = NO_BYTES;
  #writing: Promise<void> | undefined;

  constructor(options: EntryOptions) {
    this.#options = options;
    this.info = options.info;
    this.instance = options.instance;
    this.slotName = options.slotName;
    this.#file = "uploader" in options.target ? null : options.target;
    this.#state = this.#file === null ? { status: "elsewhere", progress: 0 } : { status: "waiting", received: 0 };
    this.#run("await_join");
  }

  get state(): EntryState {
    return this.#state;
  }

  get progress(): number {
    return progressOf(this.#state, this.info.size);
  }

  /** Whether it takes bytes, rather than reports of them. */
  get isChannel(): boolean {
    return this.#file !== null;
  }

  /** Whether bytes of it have come: then its token is good for as long as it is kept. */
  get hasBegun(): boolean {
    return "received" in this.#state ? this.#state.received > 0 : this.#state.status === "complete";
  }

  /** What `consumeUploadedEntries` hands out. */
  async uploaded(): Promise<UploadFile & ({ readonly path: string } | ExternalTarget)> {
    const { info, target } = this.#options;
    if ("uploader" in target) return { ...info, ...target };
    await target.ensure(info.size);
    return { ...info, path: target.path };
  }

  /**
   * Gives the entry to a channel, in the place of the one that had it. Resolves with the bytes that are there, counting
   * what is being written; `null` when the entry has ended, or a later channel has it.
   */
  async join(channel: EntryChannel): Promise<number | null> {
    const former = this.#channel;
    this.#channel = channel;
    former?.end();
    await this.#writing;
    if (this.#channel !== channel || this.#file === null) return null;
    this.send({ type: "joined" });
    const state = this.#state;
    if (state.status === "complete") return this.info.size;
    return state.status === "joined" ? state.received : null;
  }

  /** A channel has ended. */
  leave(channel: EntryChannel): void {
    if (this.#channel !== channel) return;
    this.#channel = null;
    this.send({ type: "dropped" });
  }

  /** Takes the next bytes. Resolves, when they are written, with the answer. */
  async chunk(channel: EntryChannel, bytes: Uint8Array): Promise<HandlerResult> {
    if (this.#channel !== channel) return GONE;
    if (this.#state.status === "complete") return error(refusal("too_large"));
    this.#bytes = bytes;
    this.send({ type: "chunk", bytes: bytes.length });
    await this.#writing;
    return this.#answer();
  }

  send(event: EntryEvent): void {
    const { slot, info } = this.#options;
    const { state, effects } = nextEntry(this.#state, event, { size: info.size, chunk: slot.chunkSize });
    this.#state = state;
    for (const effect of effects) this.#run(effect);
  }

  async #write(at: number): Promise<void> {
    const bytes = this.#bytes;
    this.#bytes = NO_BYTES;
    try {
      await this.#file?.write(bytes, at);
      this.send({ type: "written" });
    } catch (cause) {
      this.#options.owner.logger.error({ err: cause, ref: this.info.ref }, "a part of an upload could not be written");
      this.send({ type: "unwritable" });
    }
    this.#writing = undefined;
  }

  #answer(): HandlerResult {
    const state = this.#state;
    if (state.status === "failed") return stop("normal", error(toRefusal(state.error)));
    return state.status === "cancelled" || state.status === "consumed" ? GONE : ok({ progress: this.progress });
  }

  #run(effect: EntryEffect): void {
    const { owner, slot } = this.#options;
    switch (effect) {
      case "await_join":
        return this.#wait(owner.tokenTtlMs);
      case "await_chunk":
        return this.#wait(slot.chunkTimeoutMs);
      case "stop_waiting":
        return this.#stopWaiting();
      case "write":
        if ("received" in this.#state) this.#writing = this.#write(this.#state.received);
        return undefined;
      case "close_file":
        void this.#file?.close();
        return undefined;
      case "tell_progress":
        return owner.progressed(this);
      case "tell_end":
        return owner.ended(this, () => this.#endChannel());
      case "discard":
        // A client that is told why first does not take the end of its channel for the reason.
        if (this.#state.status !== "failed") this.#endChannel();
        return owner.discarded(this);
      default:
        return effect satisfies never;
    }
  }

  /** Once it has ended, so that its file can go. Rejects when it cannot be removed. */
  async remove(): Promise<void> {
    await this.#file?.remove();
  }

  #endChannel(): void {
    if (this.#state.status === "complete") return;
    const channel = this.#channel;
    this.#channel = null;
    channel?.end();
  }

  #wait(timeoutMs: number): void {
    this.#stopWaiting();
    this.#timer = this.#options.owner.clock.setTimeout(() => this.send({ type: "timeout" }), timeoutMs);
  }

  #stopWaiting(): void {
    if (this.#timer !== undefined) this.#options.owner.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const NO_BYTES = new Uint8Array();

const GONE = stop("normal", error(refusal("unknown_upload")));

function toRefusal({ code, message }: UploadError): JsonObject {
  return refusal(code, message === undefined ? {} : { message });
}
