/**
 * Messages handled one at a time, in order. Putting one in never runs it: handling begins in a later microtask.
 *
 * `handle` must not reject. It owns no policy: what to do when it is full is up to who puts something in.
 */
export class SerialMailbox<Message> {
  readonly #handle: (message: Message) => Promise<void>;
  readonly #capacity: number;
  #waiting: Message[] = [];
  #head = 0;
  #running: Promise<void> | null = null;
  #closed = false;

  /** `capacity` bounds the messages that wait; the one being handled is not among them. */
  constructor(handle: (message: Message) => Promise<void>, capacity: number) {
    this.#handle = handle;
    this.#capacity = capacity;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#waiting.length - this.#head;
  }

  /** Whether a message is handled or waits. */
  get isBusy(): boolean {
    return this.#running !== null;
  }

  /** Whether the message was taken; not when the mailbox is closed or, unless it is `urgent`, full. */
  put(message: Message, urgent = false): boolean {
    if (this.#closed || (this.size >= this.#capacity && !urgent)) return false;
    this.#waiting.push(message);
    this.#running ??= this.#run();
    return true;
  }

  /** Takes nothing more, and hands back what waits. */
  close(): readonly Message[] {
    this.#closed = true;
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    return waiting;
  }

  /** Resolves when the message being handled has ended and none waits. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    for (let message = this.#take(); message !== undefined; message = this.#take()) {
      await this.#handle(message);
    }
    this.#running = null;
  }

  #take(): Message | undefined {
    const message = this.#waiting[this.#head];
    if (message === undefined) return undefined;
    this.#head += 1;
    // Dropping the handled ones in blocks keeps the cost of each constant.
    if (this.#head === this.#waiting.length || this.#head === 1024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}
