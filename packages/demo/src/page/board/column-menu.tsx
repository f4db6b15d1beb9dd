import type { Column } from "../../shared/board.js";
import { ArrowIcon, MoreIcon, TrashIcon } from "../shell/icons.js";
import { Popover } from "../shell/popover.js";
import { useBoardActions } from "./board-actions.js";

/** What a {@link ColumnMenu} needs to know: the column and its neighbours' ids. */
export interface ColumnMenuProps {
  readonly column: Column;
  readonly previousId: string | undefined;
  readonly nextId: string | undefined;
  readonly afterNextId: string | undefined;
}

/** What can be done with a whole column. */
export function ColumnMenu({ column, previousId, nextId, afterNextId }: ColumnMenuProps) {
  const { edit } = useBoardActions();
  return (
    <Popover label={`Actions for the column ${column.title}`} buttonClass="icon-button" button={<MoreIcon />}>
      {(close) => {
        const item = (run: () => void) => () => {
          close();
          run();
        };
        return (
          <div className="menu">
            <button
              type="button"
              className="menu-item"
              disabled={previousId === undefined}
              onClick={item(() => edit({ kind: "moveColumn", columnId: column.id, beforeId: previousId ?? null }))}
            >
              <ArrowIcon to="left" /> Move left
            </button>
            <button
              type="button"
              className="menu-item"
              disabled={nextId === undefined}
              onClick={item(() => edit({ kind: "moveColumn", columnId: column.id, beforeId: afterNextId ?? null }))}
            >
              <ArrowIcon to="right" /> Move right
            </button>
            <button
              type="button"
              className="menu-item is-grave"
              disabled={column.cards.length > 0}
              title={column.cards.length > 0 ? "Only an empty column can be removed" : undefined}
              onClick={item(() => edit({ kind: "removeColumn", columnId: column.id }))}
            >
              <TrashIcon /> Remove
            </button>
          </div>
        );
      }}
    </Popover>
  );
}
