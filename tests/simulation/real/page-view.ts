import type { StoreProxy } from "@musubi/client";
import { deepEqual } from "@musubi/protocol";
import type { Coverage } from "../coverage.js";
import { Divergence } from "../divergence.js";
import type { Kind } from "./kinds.js";
import { type CardData, isOdd, type Ledger, type Page } from "./ledger.js";
import type { Stores } from "./sim-client.js";

/** What one client shows of a page, held against the database. */
export class PageView {
  readonly #name: string;
  readonly #ledger: Ledger;
  readonly #page: string;
  readonly #store: StoreProxy<"Sim.Board", Stores>;
  readonly #coverage: Coverage<Kind>;
  /** Of what was shown last. */
  #rev = -1;
  #checked: unknown;
  #heardRev = 0;

  constructor(
    name: string,
    ledger: Ledger,
    page: string,
    store: StoreProxy<"Sim.Board", Stores>,
    coverage: Coverage<Kind>,
  ) {
    this.#name = name;
    this.#ledger = ledger;
    this.#page = page;
    this.#store = store;
    this.#coverage = coverage;
  }

  /** Checks what holds at any time: each state is one that the page really had, and none is older than the last. */
  check(): void {
    const snapshot = this.#store.snapshot();
    if (snapshot === this.#checked) return;
    if (snapshot === undefined) throw new Divergence("the screen never blanks", this.#name);
    this.#checked = snapshot;
    const { rev, digest } = snapshot;
    if (rev < this.#rev)
      throw new Divergence("no state is older than the last", `${this.#name}: ${this.#rev} to ${rev}`);
    this.#rev = rev;
    const page = this.#ledger.pageAt(this.#page, rev);
    if (page === undefined || !this.#shows(page))
      throw new Divergence(
        "each state is one that the page had",
        `${this.#name} at revision ${rev}\n  is ${JSON.stringify(snapshot)}\n  of ${JSON.stringify(page)}`,
      );
    if (digest.data !== null && (digest.data % 7 !== 0 || digest.data > rev * 7))
      throw new Divergence("an async value is one that was loaded", `${this.#name}: ${JSON.stringify(digest)}`);
  }

  /** An event was dispatched: its state is to be seen, and it comes once. */
  heard(rev: number): void {
    this.#coverage.note("event");
    const shown = this.#store.snapshot()?.rev ?? -1;
    if (rev <= this.#heardRev || rev > shown)
      throw new Divergence("an event comes once, in order, with its state", `${this.#name}: ${rev} at ${shown}`);
    this.#heardRev = rev;
  }

  /** Checks that this is how things stand. */
  compare(): void {
    this.check();
    const { rev, digest, even, odd } = this.#store.snapshot() ?? {};
    const page = this.#ledger.page(this.#page);
    if (rev !== page.rev || digest === undefined)
      throw new Divergence("all agree in the end", `${this.#name} shows ${rev}, not ${page.rev}`);
    const isFailed = rev % 7 === 6;
    this.#coverage.note(isFailed ? "digest failed" : "digest in time");
    const isRight = isFailed ? digest.status === "failed" : digest.status === "ok" && digest.data === rev * 7;
    if (!isRight) throw new Divergence("async values load in the end", `${this.#name}: ${JSON.stringify(digest)}`);
    const cards = [...(even ?? []), ...Object.values(odd ?? {})];
    for (const { id } of page.cards) {
      const notes = this.#ledger.notes(this.#page, id);
      const shown = cards.find((card) => card.id === id)?.notes;
      if (!deepEqual(shown as never, notes as never))
        throw new Divergence(
          "streams of children agree in the end",
          `${this.#name}, ${id}: ${JSON.stringify(shown)}, not ${JSON.stringify(notes)}`,
        );
    }
  }

  #shows(page: Page): boolean {
    const { title, even, odd, lines } = this.#store.snapshot() ?? {};
    const shown = {
      title,
      even: even?.map(plain),
      odd: Object.values(odd ?? {})
        .map(plain)
        .sort(byId),
      lines,
    };
    return deepEqual(
      shown as never,
      {
        title: page.title,
        even: page.cards.filter((card) => !isOdd(card)),
        odd: page.cards.filter(isOdd).toSorted(byId),
        lines: page.lines,
      } as never,
    );
  }
}

function plain({ id, text, marks }: CardData): CardData {
  return { id, text, marks };
}

function byId(a: CardData, b: CardData): number {
  return a.id < b.id ? -1 : 1;
}
