import { type Card, LABELS } from "../../shared/board.js";
import { Popover } from "../shell/popover.js";
import { useBoardActions } from "./board-actions.js";
import { LABEL_NAMES } from "./label-names.js";

/** The knot that ties a card to its column's thread; pressed, it offers the colours. */
export function LabelPicker({ card }: { readonly card: Card }) {
  const { edit } = useBoardActions();
  return (
    <Popover
      label={`Colour of ${card.title}: ${LABEL_NAMES[card.label]}`}
      buttonClass="knot"
      button={<span className="knot-dot" />}
    >
      {(close) => (
        <fieldset className="swatches">
          <legend>Colour</legend>
          {LABELS.map((label) => (
            <button
              key={label}
              type="button"
              className="swatch"
              data-hue={label}
              aria-pressed={label === card.label}
              onClick={() => {
                edit({ kind: "labelCard", cardId: card.id, label });
                close();
              }}
            >
              <span className="knot-dot" />
              {LABEL_NAMES[label]}
            </button>
          ))}
        </fieldset>
      )}
    </Popover>
  );
}
