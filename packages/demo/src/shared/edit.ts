import type { Board, Card, CardFile, Column, Label } from "./board.js";

/**
 * One change of the board, as people make it. The server writes it to the database and tells it to every mounted
 * board; the page shows it at once.
 *
 * Each is idempotent: new things bring their id, places are named by the neighbour that follows (`beforeId`, `null`
 * for the end). So an edit whose fate is unknown can simply be sent again.
 */
export type BoardEdit =
  | { readonly kind: "addCard"; readonly cardId: string; readonly columnId: string; readonly title: string }
  | { readonly kind: "editCard"; readonly cardId: string; readonly title: string; readonly note: string }
  | { readonly kind: "labelCard"; readonly cardId: string; readonly label: Label }
  | CardMove
  | { readonly kind: "removeCard"; readonly cardId: string }
  | { readonly kind: "attachFile"; readonly cardId: string; readonly file: CardFile }
  | { readonly kind: "detachFile"; readonly cardId: string; readonly fileId: string }
  | { readonly kind: "addColumn"; readonly columnId: string; readonly title: string }
  | { readonly kind: "renameColumn"; readonly columnId: string; readonly title: string }
  | { readonly kind: "moveColumn"; readonly columnId: string; readonly beforeId: string | null }
  | { readonly kind: "removeColumn"; readonly columnId: string };

/** A card that goes to another place, in its own column or another. */
export interface CardMove {
  readonly kind: "moveCard";
  readonly cardId: string;
  readonly columnId: string;
  readonly beforeId: string | null;
}

/** The board after an edit; the same object when there is nothing to change. Unchanged columns keep their identity. */
export function applyEdit(board: Board, edit: BoardEdit): Board {
  switch (edit.kind) {
    case "addCard":
      return addCard(board, edit.columnId, { id: edit.cardId, title: edit.title, note: "", label: "plain", files: [] });
    case "editCard":
      return changeCard(board, edit.cardId, (card) => ({ ...card, title: edit.title, note: edit.note }));
    case "labelCard":
      return changeCard(board, edit.cardId, (card) => ({ ...card, label: edit.label }));
    case "moveCard":
      return withColumns(board, moveCard(board.columns, edit));
    case "removeCard":
      return changeColumns(board, (column) => withoutCard(column, edit.cardId));
    case "attachFile":
      return changeCard(board, edit.cardId, (card) =>
        card.files.some((file) => file.id === edit.file.id) ? card : { ...card, files: [...card.files, edit.file] },
      );
    case "detachFile":
      return changeCard(board, edit.cardId, (card) =>
        card.files.some((file) => file.id === edit.fileId)
          ? { ...card, files: card.files.filter((file) => file.id !== edit.fileId) }
          : card,
      );
    case "addColumn":
      if (board.columns.some((column) => column.id === edit.columnId)) return board;
      return { ...board, columns: [...board.columns, { id: edit.columnId, title: edit.title, cards: [] }] };
    case "renameColumn":
      return changeColumns(board, (column) =>
        column.id === edit.columnId ? { ...column, title: edit.title } : column,
      );
    case "moveColumn": {
      const moved = board.columns.find((column) => column.id === edit.columnId);
      if (moved === undefined) return board;
      return { ...board, columns: placeBefore(board.columns, moved, edit.beforeId) };
    }
    case "removeColumn":
      return { ...board, columns: board.columns.filter((column) => column.id !== edit.columnId) };
    default:
      return edit satisfies never;
  }
}

/** A column of whatever is more than a card, such as a snapshot's. */
interface CardColumn {
  readonly id: string;
  readonly cards: readonly Card[];
}

/** The columns with a card in its new place; those that are not concerned keep their identity. */
export function moveCard<C extends CardColumn>(columns: readonly C[], edit: CardMove): readonly C[] {
  const card = columns.flatMap((column) => column.cards).find((other) => other.id === edit.cardId);
  if (card === undefined || !columns.some((column) => column.id === edit.columnId)) return columns;
  return columns.map((column) =>
    column.id === edit.columnId
      ? { ...column, cards: placeBefore(column.cards, card, edit.beforeId) }
      : withoutCard(column, edit.cardId),
  );
}

/** The list with `item` once, before the one called `beforeId`; at the end when that is `null` or not there. */
export function placeBefore<T extends { readonly id: string }>(
  list: readonly T[],
  item: T,
  beforeId: string | null,
): readonly T[] {
  const others = list.filter((other) => other.id !== item.id);
  const index = others.findIndex((other) => other.id === beforeId);
  return others.toSpliced(index === -1 ? others.length : index, 0, item);
}

function addCard(board: Board, columnId: string, card: Card): Board {
  if (board.columns.some((column) => column.cards.some((other) => other.id === card.id))) return board;
  return changeColumns(board, (column) =>
    column.id === columnId ? { ...column, cards: [...column.cards, card] } : column,
  );
}

function withoutCard<C extends CardColumn>(column: C, cardId: string): C {
  if (!column.cards.some((card) => card.id === cardId)) return column;
  return { ...column, cards: column.cards.filter((card) => card.id !== cardId) };
}

function changeCard(board: Board, cardId: string, change: (card: Card) => Card): Board {
  return changeColumns(board, (column) => {
    const index = column.cards.findIndex((card) => card.id === cardId);
    const card = column.cards[index];
    const changed = card && change(card);
    return changed === undefined || changed === card ? column : { ...column, cards: column.cards.with(index, changed) };
  });
}

function changeColumns(board: Board, change: (column: Column) => Column): Board {
  return withColumns(board, board.columns.map(change));
}

function withColumns(board: Board, columns: readonly Column[]): Board {
  return columns.every((column, index) => column === board.columns[index]) ? board : { ...board, columns };
}
