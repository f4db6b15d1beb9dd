import type { HandlerResult } from "./channel.js";
import { type Mail, Mailbox } from "./mailbox.js";

/** What a {@link MailRunner} does with each piece of mail; exactly one of `settled` and `failed` follows each `call`. */
export interface MailWork {
  call(mail: Mail): HandlerResult | Promise<HandlerResult>;
  settled(mail: Mail, result: HandlerResult): void;
  failed(mail: Mail, cause: unknown): void;
  /** Nothing runs now. May `hold` the runner again. */
  rested(): void;
}

/** Pieces of mail handled before other sockets are sure to get their turn. */
const MAX_RUN = 100;

/**
 * Runs one piece of mail at a time, in order.
 *
 * Work that returns at once is done at once, so answers leave in the order of the pushes; work that returns a promise
 * holds up this runner and nothing else.
 */
export class MailRunner {
  readonly #work: MailWork;
  readonly #mailbox = new Mailbox();
  #isBusy = false;
  #isScheduled = false;
  /** Pieces of mail run since the last time that it yielded. */
  #runs = 0;
  /** Has run for long enough: the rest waits until others had their turn. */
  #isYielding = false;

  constructor(work: MailWork) {
    this.#work = work;
  }

  get size(): number {
    return this.#mailbox.size;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Lets mail wait: other code of the channel runs. */
  hold(): void {
    this.#isBusy = true;
  }

  /** Ends a `hold`. */
  release(): void {
    this.#rest();
    this.#pump();
  }

  /** Runs `mail` now, or after what runs and waits already. */
  put(mail: Mail): void {
    this.#mailbox.put(mail);
    this.#pump();
  }

  /** Runs `mail` after the code that sends it. */
  putLater(mail: Mail): void {
    this.#mailbox.put(mail);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  /** Takes out everything that waits. */
  clear(): readonly Mail[] {
    return this.#mailbox.clear();
  }

  #pump(): void {
    while (!this.#isBusy && !this.#isYielding) {
      const mail = this.#mailbox.take();
      if (mail === undefined) return;
      this.#isBusy = true;
      this.#runs += 1;
      if (this.#runs === MAX_RUN) this.#yield();
      this.#run(mail);
    }
  }

  #yield(): void {
    this.#isYielding = true;
    setImmediate(() => {
      this.#isYielding = false;
      this.#runs = 0;
      this.#pump();
    });
  }

  #run(mail: Mail): void {
    let result: HandlerResult | Promise<HandlerResult>;
    try {
      result = this.#work.call(mail);
    } catch (cause) {
      this.#work.failed(mail, cause);
      this.#rest();
      return;
    }
    if (!isPromise(result)) {
      this.#work.settled(mail, result);
      this.#rest();
      return;
    }
    result.then(
      (value) => {
        this.#work.settled(mail, value);
        this.release();
      },
      (cause: unknown) => {
        this.#work.failed(mail, cause);
        this.release();
      },
    );
  }

  #rest(): void {
    this.#isBusy = false;
    this.#work.rested();
  }
}

/** Whether a handler's result comes later. */
export function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
