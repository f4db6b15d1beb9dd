import { createContext, useContext } from "react";
import type { BoardEdit } from "../../shared/edit.js";
import type { Hue } from "../../shared/person.js";

/** Another person who edits a card. */
export interface CardGuest {
  readonly name: string;
  readonly hue: Hue;
}

/** What the parts of the board can ask for. One object for the page's life. */
export interface BoardActions {
  /** Makes an edit: shown at once, sent in the background. */
  readonly edit: (edit: BoardEdit) => void;
  /** Tells the others which card is being edited here. */
  readonly setEditing: (cardId: string | null) => void;
  /** Moves a card one step and says so to screen readers; the card keeps the focus. */
  readonly step: (cardId: string, direction: StepDirection) => void;
  /** Removes a card and offers to bring it back. */
  readonly remove: (cardId: string) => void;
  /** Opens a card's files. */
  readonly openFiles: (cardId: string) => void;
  /** Says for a while what was done, and offers to undo it. */
  readonly notice: (text: string, undo: () => void) => void;
}

/** Where a card can be moved without a pointer. */
export type StepDirection = "up" | "down" | "left" | "right";

export const BoardActionsContext = createContext<BoardActions | null>(null);

/** The board's actions; only below the board. */
export function useBoardActions(): BoardActions {
  const actions = useContext(BoardActionsContext);
  if (actions === null) throw new Error("This part belongs inside the board.");
  return actions;
}
