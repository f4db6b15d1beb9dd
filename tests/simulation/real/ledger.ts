import type { SeededRandom } from "@musubi/testing";

export interface CardData {
  readonly id: string;
  readonly text: string;
  readonly marks: number;
}

export interface Line {
  readonly id: string;
  readonly text: string;
}

/** A page at one of its revisions. */
export interface Page {
  readonly id: string;
  readonly rev: number;
  readonly title: string;
  readonly cards: readonly CardData[];
  /** The latest ones, the last at the end. */
  readonly lines: readonly Line[];
}

/** Where a card is shown. */
export function isOdd({ marks }: CardData): boolean {
  return marks % 2 === 1;
}

export type LineOp =
  | { readonly op: "insert"; readonly line: Line; readonly isFirst: boolean }
  | { readonly op: "delete"; readonly id: string };

/** A change as it is published: the page after it, and what it did to the lines. */
export interface Change {
  readonly page: Page;
  readonly lineOps: readonly LineOp[];
}

export const KEPT_LINES = 5;
export const KEPT_NOTES = 3;

/** The database: it outlives processes, and knows every state that a page ever had. */
export class Ledger {
  /** How often each command has taken effect, by its token. */
  readonly effects: Map<string, number> = new Map();
  readonly #history = new Map<string, Page[]>();
  readonly #notes = new Map<string, readonly Line[]>();
  #ids = 0;

  page(id: string): Page {
    return this.#historyOf(id).at(-1) as Page;
  }

  pageAt(id: string, rev: number): Page | undefined {
    return this.#historyOf(id)[rev];
  }

  notes(id: string, card: string): readonly Line[] {
    return this.#notes.get(`${id}/${card}`) ?? [];
  }

  /** Changes a page at random, a little or a lot. */
  change(id: string, random: SeededRandom, token?: string): Change {
    if (token !== undefined) this.effects.set(token, (this.effects.get(token) ?? 0) + 1);
    const before = this.page(id);
    const lineOps = this.#drawLineOps(before, random);
    const page: Page = {
      id,
      rev: before.rev + 1,
      title: random.chance(0.3) ? `title ${before.rev + 1}` : before.title,
      cards: this.#drawCards(id, before.cards, random),
      lines: lineOps.reduce(applied, before.lines),
    };
    this.#historyOf(id).push(page);
    return { page, lineOps };
  }

  /** Writes a note on a card. */
  note(id: string, card: string): Line {
    const line = { id: `n${this.#ids++ % 5}`, text: `note ${this.#ids}` };
    const others = this.notes(id, card).filter((each) => each.id !== line.id);
    this.#notes.set(`${id}/${card}`, [...others, line].slice(-KEPT_NOTES));
    return line;
  }

  #drawCards(id: string, cards: readonly CardData[], random: SeededRandom): readonly CardData[] {
    switch (random.pick(["none", "mark", "mark", "text", "add", "add", "add", "remove", "remove", "move"])) {
      case "mark":
        return changedOne(cards, random, (card) => ({ ...card, marks: card.marks + 1 }));
      case "text":
        return changedOne(cards, random, (card) => ({ ...card, text: `text ${this.#ids++}` }));
      case "add": {
        const free = ["c0", "c1", "c2", "c3"].filter((each) => cards.every((card) => card.id !== each));
        if (free.length === 0) return cards;
        const added = random.pick(free);
        // One that has just come has no notes, whatever had its id before.
        this.#notes.delete(`${id}/${added}`);
        const card = { id: added, text: `text ${this.#ids++}`, marks: 0 };
        return cards.toSpliced(random.integer(0, cards.length), 0, card);
      }
      case "remove":
        return cards.length === 0 ? cards : cards.toSpliced(random.integer(0, cards.length - 1), 1);
      case "move": {
        if (cards.length === 0) return cards;
        const at = random.integer(0, cards.length - 1);
        return cards.toSpliced(at, 1).toSpliced(random.integer(0, cards.length - 1), 0, cards[at] as CardData);
      }
      default:
        return cards;
    }
  }

  #drawLineOps({ lines }: Page, random: SeededRandom): LineOp[] {
    return Array.from({ length: random.pick([0, 0, 1, 1, 2, 4]) }, () => {
      const known = lines.length === 0 || random.chance(0.6) ? undefined : random.pick(lines).id;
      if (known !== undefined && random.chance(0.5)) return { op: "delete", id: known };
      const number = this.#ids++;
      return {
        op: "insert",
        line: { id: known ?? `l${number}`, text: `line ${number}` },
        isFirst: random.chance(0.2),
      };
    });
  }

  #historyOf(id: string): Page[] {
    let history = this.#history.get(id);
    if (history === undefined) {
      history = [{ id, rev: 0, title: `page ${id}`, cards: [{ id: "c0", text: "first", marks: 0 }], lines: [] }];
      this.#history.set(id, history);
    }
    return history;
  }
}

/** What a stream with a limit of {@link KEPT_LINES} makes of an op (protocol.md section 5). */
function applied(lines: readonly Line[], op: LineOp): readonly Line[] {
  const others = lines.filter(({ id }) => id !== (op.op === "delete" ? op.id : op.line.id));
  if (op.op === "delete") return others;
  return op.isFirst ? [op.line, ...others].slice(0, KEPT_LINES) : [...others, op.line].slice(-KEPT_LINES);
}

function changedOne(
  cards: readonly CardData[],
  random: SeededRandom,
  change: (card: CardData) => CardData,
): readonly CardData[] {
  if (cards.length === 0) return cards;
  const at = random.integer(0, cards.length - 1);
  return cards.with(at, change(cards[at] as CardData));
}
