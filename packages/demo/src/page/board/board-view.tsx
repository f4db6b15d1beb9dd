import { useMemo, useRef } from "react";
import { type Board, findCard } from "../../shared/board.js";
import { placeBefore } from "../../shared/edit.js";
import { randomId } from "../random-id.js";
import { PlusIcon } from "../shell/icons.js";
import { type CardGuest, useBoardActions } from "./board-actions.js";
import { ColumnView } from "./column-view.js";
import { Composer } from "./composer.js";
import type { DropTarget } from "./drop-target.js";
import { useCardDrag } from "./use-card-drag.js";
import { useFlip } from "./use-flip.js";

/** What a {@link BoardView} shows. */
export interface BoardViewProps {
  readonly board: Board;
  readonly guests: ReadonlyMap<string, CardGuest>;
  readonly pending: ReadonlySet<string>;
}

/** The whole board: columns side by side, and room for one more. */
export function BoardView({ board, guests, pending }: BoardViewProps) {
  const actions = useBoardActions();
  const element = useRef<HTMLDivElement>(null);
  const dropFrom = useFlip(element, board);
  const onDrop = (cardId: string, target: DropTarget, from: DOMRect): void => {
    if (isSamePlace(board, cardId, target)) return;
    dropFrom(cardId, from);
    actions.edit({ kind: "moveCard", cardId, ...target });
  };
  const { drag, onPointerDown } = useCardDrag(element, { onDrop });
  const dragged = useMemo(() => (drag === null ? undefined : findCard(board, drag.cardId)?.column.id), [board, drag]);

  return (
    <>
      <p id="card-hint" hidden>
        Enter edits. Alt with an arrow key moves the card.
      </p>
      <div ref={element} className={`board${drag ? " is-dragging" : ""}`} onPointerDown={onPointerDown}>
        {board.columns.map((column, index) => (
          <ColumnView
            key={column.id}
            column={column}
            previousId={board.columns[index - 1]?.id}
            nextId={board.columns[index + 1]?.id}
            afterNextId={board.columns[index + 2]?.id}
            drag={drag && (drag.target.columnId === column.id || dragged === column.id) ? drag : null}
            guests={guests}
            pending={pending}
          />
        ))}
        <div className="column is-new">
          <Composer
            prompt={
              <>
                <PlusIcon /> <span>Add a column</span>
              </>
            }
            label="New column"
            placeholder="Name of the column"
            submitText="Add column"
            onSubmit={(title) => actions.edit({ kind: "addColumn", columnId: randomId(), title })}
          />
        </div>
      </div>
    </>
  );
}

function isSamePlace(board: Board, cardId: string, target: DropTarget): boolean {
  const found = findCard(board, cardId);
  if (found === undefined || found.column.id !== target.columnId) return false;
  const { cards } = found.column;
  return placeBefore(cards, found.card, target.beforeId).every((card, index) => card === cards[index]);
}
