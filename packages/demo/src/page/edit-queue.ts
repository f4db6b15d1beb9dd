import { MusubiCommandError } from "@musubi/client";
import type { BoardEdit } from "../shared/edit.js";

/** Sends one edit; resolves with the revision that holds it, `null` when what it is about has gone. */
export type SendEdit = (edit: BoardEdit) => Promise<number | null>;

/** What an {@link EditQueue} needs. */
export interface EditQueueOptions {
  /** Told of an edit that the server refused, with its reason. */
  readonly onRefused: (edit: BoardEdit, reason: string) => void;
  /** Waits before an edit whose fate is unknown is sent again. */
  readonly pause: () => Promise<void>;
}

/**
 * The edits that the board does not show yet, in the order in which they were made.
 *
 * They are sent one at a time: each is acknowledged *and* shown by the board before the next goes out, so that a later
 * one always finds what an earlier one made. All edits are idempotent: one whose fate is unknown is sent again until
 * the server has answered, across lost connections and restarts of the server.
 */
export class EditQueue {
  readonly #options: EditQueueOptions;
  readonly #listeners = new Set<() => void>();
  #edits: readonly BoardEdit[] = [];
  #send: SendEdit | null = null;
  #isRunning = false;
  #shown = 0;
  #onShown: (() => void) | null = null;

  constructor(options: EditQueueOptions) {
    this.#options = options;
  }

  /** The edits that wait, oldest first; the same array until one is added or leaves. */
  get current(): readonly BoardEdit[] {
    return this.#edits;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Adds an edit to the end. */
  push(edit: BoardEdit): void {
    this.#change([...this.#edits, edit]);
    void this.#run();
  }

  /** How edits are sent from now on; `null` while there is no board. */
  sendWith(send: SendEdit | null): void {
    this.#send = send;
    void this.#run();
  }

  /** Says which revision the board shows now. */
  show(revision: number): void {
    this.#shown = revision;
    this.#onShown?.();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#send !== null) {
      const edit = this.#edits[0];
      if (edit === undefined) break;
      if (await this.#deliver(edit, this.#send)) this.#change(this.#edits.slice(1));
      else await this.#options.pause();
    }
    this.#isRunning = false;
  }

  /** Whether the edit is done with, one way or the other. */
  async #deliver(edit: BoardEdit, send: SendEdit): Promise<boolean> {
    try {
      const revision = await send(edit);
      if (revision !== null) await this.#untilShown(revision);
      return true;
    } catch (error) {
      if (!MusubiCommandError.is(error) || error.fate !== "rejected") return false;
      this.#options.onRefused(edit, error.code);
      return true;
    }
  }

  #untilShown(revision: number): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#shown < revision) return;
        this.#onShown = null;
        resolve();
      };
      this.#onShown = check;
      check();
    });
  }

  #change(edits: readonly BoardEdit[]): void {
    this.#edits = edits;
    for (const listener of Array.from(this.#listeners)) listener();
  }
}
