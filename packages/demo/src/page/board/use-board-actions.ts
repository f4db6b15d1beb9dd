import { useInsertionEffect, useMemo, useRef } from "react";
import { type Board, findCard } from "../../shared/board.js";
import type { BoardEdit } from "../../shared/edit.js";
import type { Notices } from "../shell/notices.js";
import type { BoardActions } from "./board-actions.js";
import { focusCard } from "./focus-card.js";
import { stepCard } from "./step-card.js";

/** What {@link useBoardActionsOf} builds on. */
export interface ActionSources {
  readonly board: Board | undefined;
  readonly edit: (edit: BoardEdit) => void;
  readonly setEditing: (cardId: string | null) => void;
  /** Says something to screen readers. */
  readonly announce: (text: string) => void;
  readonly notices: Notices;
  readonly openFiles: (cardId: string) => void;
}

/** The board's actions as one object that stays the same, so that cards need not render for it. */
export function useBoardActionsOf(sources: ActionSources): BoardActions {
  const latest = useRef(sources);
  useInsertionEffect(() => {
    latest.current = sources;
  });
  return useMemo<BoardActions>(
    () => ({
      edit: (edit) => latest.current.edit(edit),
      setEditing: (cardId) => latest.current.setEditing(cardId),
      step(cardId, direction) {
        const { board, edit, announce } = latest.current;
        const step = board && stepCard(board, cardId, direction);
        if (step == null) {
          announce("There is no further place in that direction.");
          return;
        }
        edit(step.move);
        announce(step.announcement);
        // A card that has moved was drawn anew, or put elsewhere: either way the browser dropped its focus.
        requestAnimationFrame(() => focusCard(cardId));
      },
      remove(cardId) {
        const { board, edit, notices } = latest.current;
        const found = board && findCard(board, cardId);
        if (found === undefined) return;
        edit({ kind: "removeCard", cardId });
        const run = (): void => {
          for (const undo of bringBack(found)) latest.current.edit(undo);
        };
        notices.add(`Removed “${found.card.title}”`, { label: "Undo", run });
      },
      openFiles: (cardId) => latest.current.openFiles(cardId),
      notice: (text, undo) => latest.current.notices.add(text, { label: "Undo", run: undo }),
    }),
    [],
  );
}

/** The edits that make a removed card again, where and as it was. */
function bringBack({ column, index, card }: NonNullable<ReturnType<typeof findCard>>): BoardEdit[] {
  const { id: cardId, title, note, label, files } = card;
  const edits: BoardEdit[] = [{ kind: "addCard", cardId, columnId: column.id, title }];
  if (note !== "") edits.push({ kind: "editCard", cardId, title, note });
  if (label !== "plain") edits.push({ kind: "labelCard", cardId, label });
  for (const file of files) edits.push({ kind: "attachFile", cardId, file });
  const beforeId = column.cards[index + 1]?.id ?? null;
  if (beforeId !== null) edits.push({ kind: "moveCard", cardId, columnId: column.id, beforeId });
  return edits;
}
