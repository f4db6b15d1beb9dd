import { type KeyboardEvent, memo, type MouseEvent, useState } from "react";
import type { Card } from "../../shared/board.js";
import { type CardGuest, type StepDirection, useBoardActions } from "./board-actions.js";
import { ClipIcon } from "../shell/icons.js";
import { CardEditor } from "./card-editor.js";
import { CardMenu } from "./card-menu.js";
import { drafts } from "./drafts.js";
import { focusCard } from "./focus-card.js";
import { LabelPicker } from "./label-picker.js";

/** What a {@link CardView} shows. */
export interface CardViewProps {
  readonly card: Card;
  /** Who else is editing it. */
  readonly guest: CardGuest | undefined;
  /** Whether an edit of it is still on its way to the server. */
  readonly isPending: boolean;
  /** Whether it hangs at the pointer. */
  readonly isDragged: boolean;
}

const ARROWS: Readonly<Record<string, StepDirection>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};

/** A card, tied to its column's thread by a knot in its colour. */
export const CardView = memo(function CardView({ card, guest, isPending, isDragged }: CardViewProps) {
  const { step, openFiles } = useBoardActions();
  const [isEditing, setIsEditing] = useState(() => drafts.has(card.id));

  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = ARROWS[event.key];
    if (!event.altKey || direction === undefined) return;
    event.preventDefault();
    step(card.id, direction);
  };
  const onClick = (event: MouseEvent): void => {
    if (event.target instanceof Element && event.target.closest("[data-no-drag], [popover]") === null) {
      setIsEditing(true);
    }
  };
  const close = (): void => {
    setIsEditing(false);
    requestAnimationFrame(() => focusCard(card.id));
  };

  return (
    <li
      className={`slot${isDragged ? " is-dragged" : ""}`}
      data-card-id={card.id}
      data-hue={card.label}
      onKeyDown={onKeyDown}
    >
      <LabelPicker card={card} />
      {isEditing ? (
        <div className="card is-editing" data-no-drag="">
          <CardEditor card={card} onClose={close} />
        </div>
      ) : (
        <div
          className={`card${isPending ? " is-pending" : ""}`}
          data-guest-hue={guest?.hue}
          onClick={onClick}
          role="presentation"
        >
          <h3 className="card-heading">
            <button type="button" className="card-title" aria-describedby="card-hint">
              {card.title}
            </button>
          </h3>
          {card.note !== "" && <p className="card-note">{card.note}</p>}
          {card.files.length > 0 && (
            <button
              type="button"
              className="card-files"
              data-no-drag=""
              aria-label={`Files of ${card.title}: ${card.files.length}`}
              onClick={() => openFiles(card.id)}
            >
              <ClipIcon /> {card.files.length}
            </button>
          )}
          {isPending && <span className="visually-hidden">Not sent yet</span>}
          {guest && (
            <p className="card-guest">
              <span className="card-guest-name">{guest.name}</span> is editing
            </p>
          )}
          <CardMenu card={card} onEdit={() => setIsEditing(true)} />
        </div>
      )}
    </li>
  );
});
