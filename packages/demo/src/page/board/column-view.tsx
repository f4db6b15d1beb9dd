import { Fragment, memo } from "react";
import type { Column } from "../../shared/board.js";
import { randomId } from "../random-id.js";
import { PlusIcon } from "../shell/icons.js";
import { type CardGuest, useBoardActions } from "./board-actions.js";
import { CardView } from "./card-view.js";
import { ColumnHeading } from "./column-heading.js";
import { ColumnMenu } from "./column-menu.js";
import { Composer } from "./composer.js";
import type { Drag } from "./use-card-drag.js";

/** What a {@link ColumnView} shows. */
export interface ColumnViewProps {
  readonly column: Column;
  readonly previousId: string | undefined;
  readonly nextId: string | undefined;
  readonly afterNextId: string | undefined;
  /** The drag under way, when it concerns this column. */
  readonly drag: Drag | null;
  readonly guests: ReadonlyMap<string, CardGuest>;
  /** Cards with edits on their way. */
  readonly pending: ReadonlySet<string>;
}

/** A column: its name, and a thread with cards tied to it. */
export const ColumnView = memo(function ColumnView(props: ColumnViewProps) {
  const { column, drag, guests, pending } = props;
  const { edit } = useBoardActions();
  const headingId = `column-${column.id}`;
  const gapBefore = drag?.target.columnId === column.id ? drag.target.beforeId : undefined;
  const gap = <li className="gap" aria-hidden="true" style={{ height: drag?.height }} />;

  return (
    <section className="column" data-column-id={column.id} aria-labelledby={headingId}>
      <header className="column-head">
        <ColumnHeading
          id={headingId}
          title={column.title}
          onRename={(title) => edit({ kind: "renameColumn", columnId: column.id, title })}
        />
        <span className="column-count" title={`${column.cards.length} cards`}>
          {column.cards.length}
        </span>
        <ColumnMenu
          column={column}
          previousId={props.previousId}
          nextId={props.nextId}
          afterNextId={props.afterNextId}
        />
      </header>
      <div className="column-scroll" data-scroll="">
        <ol className="thread">
          {column.cards.map((card) => (
            <Fragment key={card.id}>
              {gapBefore === card.id && gap}
              <CardView
                card={card}
                guest={guests.get(card.id)}
                isPending={pending.has(card.id)}
                isDragged={drag?.cardId === card.id}
              />
            </Fragment>
          ))}
          {gapBefore === null && gap}
          {column.cards.length === 0 && gapBefore === undefined && (
            <li className="slot is-empty">Nothing tied here yet.</li>
          )}
          <li className="slot is-composer">
            <Composer
              prompt={
                <>
                  <PlusIcon /> Add a card
                </>
              }
              label={`New card in ${column.title}`}
              placeholder="What needs doing?"
              submitText="Add card"
              onSubmit={(title) => edit({ kind: "addCard", cardId: randomId(), columnId: column.id, title })}
            />
          </li>
        </ol>
      </div>
    </section>
  );
});
