import type { Clock, TimerHandle, UploadOp } from "@musubi/protocol";
import type { Cycle } from "../stores/cycle.js";
import type { Instance } from "../stores/instance.js";
import type { Entry } from "./entry.js";

/** Milliseconds between two envelopes with progress of one root. */
export const NOTICE_EVERY_MS = 100;

interface Notice {
  readonly op: UploadOp;
  /** Runs when it has been sent, or never will be. */
  readonly told: () => void;
}

/**
 * News of entries on their way to the client: the newest of each, at most ten times a second, and at once for an end.
 * The last one is always sent. They pass the root's mailbox, one message for all that there are.
 */
export class UploadNotices {
  readonly #clock: Clock;
  readonly #enqueue: (work: (cycle: Cycle) => Record<string, never>) => boolean;
  readonly #notices = new Map<Entry, Notice>();
  #timer: TimerHandle | undefined;
  /** A message that will send them waits in the mailbox. */
  #isQueued = false;

  constructor(clock: Clock, enqueue: (work: (cycle: Cycle) => Record<string, never>) => boolean) {
    this.#clock = clock;
    this.#enqueue = enqueue;
  }

  /** Progress: sent with the next ones. */
  later(entry: Entry, op: UploadOp): void {
    this.#notices.set(entry, { op, told: () => {} });
    if (this.#timer === undefined) this.#flush();
  }

  /** An end: sent as soon as the mailbox comes to it. */
  now(entry: Entry, op: UploadOp, told: () => void): void {
    this.#notices.set(entry, { op, told });
    this.#flush();
  }

  /** There is nothing to say of it any more. */
  drop(entry: Entry): void {
    this.#notices.get(entry)?.told();
    this.#notices.delete(entry);
  }

  /** As {@link drop}, for all entries of a store; nothing is left of the last one's. */
  dropAll(instance: Instance): void {
    for (const entry of this.#notices.keys()) if (entry.instance === instance) this.drop(entry);
    if (this.#notices.size === 0 && this.#timer !== undefined) {
      this.#clock.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  #flush(): void {
    if (!this.#isQueued) this.#isQueued = this.#enqueue((cycle) => this.#send(cycle));
    // Also when the mailbox is full: then it tries again.
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#notices.size > 0) this.#flush();
    }, NOTICE_EVERY_MS);
  }

  #send(cycle: Cycle): Record<string, never> {
    this.#isQueued = false;
    for (const [entry, { op, told }] of this.#notices) {
      cycle.uploadOps.push({ instance: entry.instance, op });
      cycle.told.push(told);
    }
    this.#notices.clear();
    return {};
  }
}
