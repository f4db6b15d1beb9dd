/** Asks the server to subscribe this connection to topics, or the reverse. Rejects when that may not have been done. */
export type AskServer = (command: "subscribe" | "unsubscribe", topics: readonly string[]) => Promise<unknown>;

/** Commands that wait for the server's answer. */
const MAX_UNANSWERED = 100;

/** Topics of one command. */
const MAX_TOPICS = 1_000;

/**
 * Which topics this process subscribes to, and which of them the server has been asked for.
 *
 * A server that does not answer is asked no more than so often: what changes meanwhile is gathered, so that topics that
 * come and go leave nothing behind.
 */
export class ValkeySubscriptions {
  readonly #ask: AskServer;
  /** Subscriptions in this process, by topic. */
  readonly #counts = new Map<string, number>();
  readonly #asked = new Set<string>();
  /** Topics that are wanted and not asked for, or the reverse. */
  readonly #changed = new Set<string>();
  /** Names the connection that there is; `null` without one. */
  #connection: object | null = null;
  #unanswered = 0;

  constructor(ask: AskServer) {
    this.#ask = ask;
  }

  /** Commands that wait for an answer, and topics of which it will be asked then. */
  inspect(): { readonly unanswered: number; readonly changed: number } {
    return { unanswered: this.#unanswered, changed: this.#changed.size };
  }

  /** There is a new connection, which has no subscriptions yet. */
  opened(): void {
    this.#connection = {};
    this.#unanswered = 0;
    this.#asked.clear();
    this.#changed.clear();
    for (const topic of this.#counts.keys()) this.#changed.add(topic);
    this.#pump();
  }

  /** The connection has gone: nothing is asked until there is another. */
  closed(): void {
    this.#connection = null;
  }

  add(topic: string): void {
    const count = this.#counts.get(topic) ?? 0;
    this.#counts.set(topic, count + 1);
    if (count === 0) this.#change(topic);
  }

  remove(topic: string): void {
    const left = (this.#counts.get(topic) ?? 0) - 1;
    if (left > 0) {
      this.#counts.set(topic, left);
    } else {
      this.#counts.delete(topic);
      this.#change(topic);
    }
  }

  #change(topic: string): void {
    // A new connection asks for all there are.
    if (this.#connection === null) return;
    if (this.#counts.has(topic) === this.#asked.has(topic)) this.#changed.delete(topic);
    else this.#changed.add(topic);
    this.#pump();
  }

  #pump(): void {
    while (this.#changed.size > 0 && this.#unanswered < MAX_UNANSWERED && this.#connection !== null) this.#askNext();
  }

  #askNext(): void {
    const [first] = this.#changed;
    const isMore = this.#counts.has(first as string);
    const topics: string[] = [];
    for (const topic of this.#changed) {
      if (topics.length === MAX_TOPICS) break;
      if (this.#counts.has(topic) === isMore) topics.push(topic);
    }
    for (const topic of topics) {
      this.#changed.delete(topic);
      if (isMore) this.#asked.add(topic);
      else this.#asked.delete(topic);
    }
    this.#unanswered += 1;
    const connection = this.#connection;
    const answered = (): void => {
      if (this.#connection !== connection) return;
      this.#unanswered -= 1;
      this.#pump();
    };
    this.#ask(isMore ? "subscribe" : "unsubscribe", topics).then(answered, answered);
  }
}
