import type { Clock } from "@musubi/protocol";
import { createPubSub, type PubSub, Rejection } from "@musubi/server";
import { SeededRandom } from "@musubi/testing";
import { PLANNED_ERROR } from "../planned-error.js";
import type { Change, Ledger, Line, Page } from "./ledger.js";

/** How a command goes, as its payload asks. */
export const MOODS = ["ok", "slow", "throws", "throws_late", "rejects", "hangs"] as const;

/** What a command asks for. */
export interface Asked {
  readonly token: string;
  readonly mood: (typeof MOODS)[number];
  readonly seed: number;
}

/** How long the slow ones take, in milliseconds. */
const SLOW_MS = 300;

/** One life of the application: its way to the database, which ends with it, and what its stores tell each other. */
export class SimProcess {
  readonly pubsub: PubSub;
  /** Subscriptions that have not been undone. */
  subscriptions = 0;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  #isAlive = true;

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
    const pubsub = createPubSub({ debug: ignore, info: ignore, warn: ignore, error: ignore });
    this.pubsub = {
      publish: (topic, message) => pubsub.publish(topic, message),
      subscribe: (topic, listener) => {
        this.subscriptions++;
        const undo = pubsub.subscribe(topic, listener);
        let isOver = false;
        return () => {
          if (!isOver) this.subscriptions--;
          isOver = true;
          undo();
        };
      },
    };
  }

  /** Nothing of this process takes effect from now on. */
  kill(): void {
    this.#isAlive = false;
  }

  page(id: string): Page {
    this.#check();
    return this.#ledger.page(id);
  }

  notes(page: string, card: string): readonly Line[] {
    this.#check();
    return this.#ledger.notes(page, card);
  }

  /** Changes a page, and tells all that show it. */
  change(page: string, seed: number, token?: string): Change {
    this.#check();
    const change = this.#ledger.change(page, new SeededRandom(seed), token);
    this.pubsub.publish(page, change);
    return change;
  }

  /** Writes a note on a card of a page. */
  note(page: string, index: number): void {
    const { cards } = this.page(page);
    const card = cards[index % Math.max(1, cards.length)];
    if (card !== undefined) this.pubsub.publish(`${page}/${card.id}`, this.#ledger.note(page, card.id));
  }

  /** Does what a command asks for, in its mood. The database is written last. */
  async act(page: string, { token, mood, seed }: Asked, signal: AbortSignal): Promise<{ token: string }> {
    switch (mood) {
      case "slow":
        await this.wait(SLOW_MS, signal);
        break;
      case "throws":
        throw PLANNED_ERROR;
      case "throws_late":
        await this.wait(1, signal);
        throw PLANNED_ERROR;
      case "rejects":
        throw new Rejection("not_today");
      case "hangs":
        await this.wait(Number.POSITIVE_INFINITY, signal);
        break;
      case "ok":
        break;
      default:
        mood satisfies never;
    }
    this.change(page, seed, token);
    return { token };
  }

  /** What takes a while to be found out about a revision. Some cannot be. */
  async digest(rev: number, signal: AbortSignal): Promise<number> {
    await this.wait((rev * 37) % 400, signal);
    if (rev % 7 === 6) throw new Rejection("no_digest");
    return rev * 7;
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = ms === Number.POSITIVE_INFINITY ? undefined : this.#clock.setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        if (timer !== undefined) this.#clock.clearTimeout(timer);
        reject(signal.reason as Error);
      });
    });
    signal.throwIfAborted();
  }

  #check(): void {
    if (!this.#isAlive) throw new Error("this process is gone");
  }
}

function ignore(): void {}
