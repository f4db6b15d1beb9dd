/** The colours that a card's knot can be dyed in. */
export const LABELS = ["plain", "indigo", "teal", "moss", "amber", "madder", "wisteria"] as const;

/** A card's colour label. */
export type Label = (typeof LABELS)[number];

/** A file that hangs at a card. */
export interface CardFile {
  readonly id: string;
  /** As it was called where it came from; no path. */
  readonly name: string;
  /** The media type, as its sender's system guessed it; may be empty. */
  readonly type: string;
  /** In bytes. */
  readonly size: number;
}

/** One card of the board. */
export interface Card {
  readonly id: string;
  readonly title: string;
  /** A line or two below the title; may be empty. */
  readonly note: string;
  readonly label: Label;
  /** In the order in which they came. */
  readonly files: readonly CardFile[];
}

/** A column with its cards, top to bottom. */
export interface Column {
  readonly id: string;
  readonly title: string;
  readonly cards: readonly Card[];
}

/** The board's columns, left to right. */
export interface Board {
  readonly columns: readonly Column[];
}

/** Characters that a title may have; more is refused. */
export const MAX_TITLE = 160;
/** Characters that a note may have; more is refused. */
export const MAX_NOTE = 600;
/** Files that a card may have; one more is refused. */
export const MAX_FILES = 12;
/** Bytes that a file may have; more is refused. */
export const MAX_FILE_SIZE = 12_000_000;

/** The column that holds a card, and where; `undefined` when the card is gone. */
export function findCard(board: Board, cardId: string): { column: Column; index: number; card: Card } | undefined {
  for (const column of board.columns) {
    const index = column.cards.findIndex((card) => card.id === cardId);
    const card = column.cards[index];
    if (card !== undefined) return { column, index, card };
  }
  return undefined;
}
