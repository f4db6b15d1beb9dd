import { type Board, findCard } from "../../shared/board.js";
import type { CardMove } from "../../shared/edit.js";
import type { StepDirection } from "./board-actions.js";

/** A move by one step and where it leads, in words. */
export interface Step {
  readonly move: CardMove;
  readonly announcement: string;
}

/**
 * The move of a card by one step: up or down among its neighbours, left or right to the next column at the same
 * height. `null` at the edge of the board.
 */
export function stepCard(board: Board, cardId: string, direction: StepDirection): Step | null {
  const found = findCard(board, cardId);
  if (found === undefined) return null;
  const { column, index, card } = found;
  const target = direction === "up" || direction === "down" ? column : neighbour(board, column.id, direction);
  if (target === undefined) return null;
  const others = target.cards.filter((other) => other.id !== cardId);
  const wanted = direction === "up" ? index - 1 : direction === "down" ? index + 1 : Math.min(index, others.length);
  if (wanted < 0 || wanted > others.length) return null;
  return {
    move: { kind: "moveCard", cardId, columnId: target.id, beforeId: others[wanted]?.id ?? null },
    announcement: `${card.title}: ${target.title}, place ${wanted + 1} of ${others.length + 1}`,
  };
}

function neighbour(board: Board, columnId: string, direction: "left" | "right") {
  const index = board.columns.findIndex((column) => column.id === columnId);
  return board.columns[direction === "left" ? index - 1 : index + 1];
}
