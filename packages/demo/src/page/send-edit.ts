import { type BoardEdit, moveCard } from "../shared/edit.js";
import type { BoardStore } from "./musubi.js";

interface Answer {
  readonly revision: number;
}

/**
 * Sends an edit as the command of the store it is about: the board, a column or a card. Resolves with the revision
 * that holds it, or with `null` when that store has gone from the board.
 */
export async function sendEdit(board: BoardStore, edit: BoardEdit): Promise<number | null> {
  const answer = await dispatch(board, edit);
  return answer?.revision ?? null;
}

function dispatch(board: BoardStore, edit: BoardEdit): Promise<Answer> | undefined {
  switch (edit.kind) {
    case "addCard":
      return columnStore(board, edit.columnId)?.dispatchCommand("addCard", { cardId: edit.cardId, title: edit.title });
    case "editCard":
      return cardStore(board, edit.cardId)?.dispatchCommand("edit", { title: edit.title, note: edit.note });
    case "labelCard":
      return cardStore(board, edit.cardId)?.dispatchCommand("setLabel", { label: edit.label });
    case "moveCard":
      return board.dispatchCommand(
        "moveCard",
        {
          cardId: edit.cardId,
          columnId: edit.columnId,
          beforeId: edit.beforeId,
        },
        { optimistic: (state) => ({ ...state, columns: [...moveCard(state.columns, edit)] }) },
      );
    case "attachFile":
      return board.dispatchCommand("attachFile", { cardId: edit.cardId, fileId: edit.file.id });
    case "detachFile":
      return board.dispatchCommand("detachFile", { cardId: edit.cardId, fileId: edit.fileId });
    case "removeCard":
      return cardStore(board, edit.cardId)?.dispatchCommand("remove");
    case "addColumn":
      return board.dispatchCommand("addColumn", { columnId: edit.columnId, title: edit.title });
    case "renameColumn":
      return columnStore(board, edit.columnId)?.dispatchCommand("rename", { title: edit.title });
    case "moveColumn":
      return board.dispatchCommand("moveColumn", { columnId: edit.columnId, beforeId: edit.beforeId });
    case "removeColumn":
      return columnStore(board, edit.columnId)?.dispatchCommand("remove");
    default:
      return edit satisfies never;
  }
}

function columnStore(board: BoardStore, columnId: string) {
  return board.columns.find((column) => column.id === columnId);
}

function cardStore(board: BoardStore, cardId: string) {
  for (const column of board.columns) {
    const card = column.cards.find((one) => one.id === cardId);
    if (card !== undefined) return card;
  }
  return undefined;
}
