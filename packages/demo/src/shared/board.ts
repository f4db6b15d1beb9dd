/** The colours that a card's knot can be dyed in. */
export const LABELS = ["plain", "indigo", "teal", "moss", "amber", "madder", "wisteria"] as const;

/** A card's colour label. */
export type Label = (typeof LABELS)[number];

/** One card of the board. */
export interface Card {
  readonly id: string;
  readonly title: string;
  /** A line or two below the title; may be empty. */
  readonly note: string;
  readonly label: Label;
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

/** The column that holds a card, and where; `undefined` when the card is gone. */
export function findCard(board: Board, cardId: string): { column: Column; index: number; card: Card } | undefined {
  for (const column of board.columns) {
    const index = column.cards.findIndex((card) => card.id === cardId);
    const card = column.cards[index];
    if (card !== undefined) return { column, index, card };
  }
  return undefined;
}
