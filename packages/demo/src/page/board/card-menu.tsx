import type { Card } from "../../shared/board.js";
import { ArrowIcon, ClipIcon, MoreIcon, PencilIcon, TrashIcon } from "../shell/icons.js";
import { Popover } from "../shell/popover.js";
import { type StepDirection, useBoardActions } from "./board-actions.js";

const STEPS: readonly (readonly [direction: StepDirection, text: string])[] = [
  ["up", "Move up"],
  ["down", "Move down"],
  ["left", "Move left"],
  ["right", "Move right"],
];

/** Everything that can be done with a card, without a pointer. */
export function CardMenu({ card, onEdit }: { readonly card: Card; readonly onEdit: () => void }) {
  const { step, remove, openFiles } = useBoardActions();
  return (
    <Popover label={`Actions for ${card.title}`} buttonClass="icon-button card-more" button={<MoreIcon />}>
      {(close) => {
        const item = (run: () => void) => () => {
          close();
          run();
        };
        return (
          <div className="menu">
            <button type="button" className="menu-item" onClick={item(onEdit)}>
              <PencilIcon /> Edit
            </button>
            <button type="button" className="menu-item" onClick={item(() => openFiles(card.id))}>
              <ClipIcon /> Files
            </button>
            <div className="menu-row">
              {STEPS.map(([direction, text]) => (
                <button
                  key={direction}
                  type="button"
                  className="icon-button"
                  aria-label={text}
                  title={text}
                  onClick={item(() => step(card.id, direction))}
                >
                  <ArrowIcon to={direction} />
                </button>
              ))}
            </div>
            <button type="button" className="menu-item is-grave" onClick={item(() => remove(card.id))}>
              <TrashIcon /> Remove
            </button>
          </div>
        );
      }}
    </Popover>
  );
}
