import { type KeyboardEvent, useState } from "react";
import { MAX_TITLE } from "../../shared/board.js";

/** What a {@link ColumnHeading} shows. */
export interface ColumnHeadingProps {
  readonly id: string;
  readonly title: string;
  readonly onRename: (title: string) => void;
}

/** A column's name; pressed, it can be changed in place. */
export function ColumnHeading({ id, title, onRename }: ColumnHeadingProps) {
  const [draft, setDraft] = useState<string | null>(null);

  const close = (isSaved: boolean): void => {
    const next = draft?.trim() ?? "";
    setDraft(null);
    if (isSaved && next !== "" && next !== title) onRename(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && !event.nativeEvent.isComposing) close(true);
    if (event.key === "Escape") close(false);
  };

  return (
    <h2 className="column-heading" id={id}>
      {draft === null ? (
        <button type="button" className="column-title" title="Rename" onClick={() => setDraft(title)}>
          {title}
        </button>
      ) : (
        <input
          className="field column-field"
          aria-label={`Name of the column ${title}`}
          maxLength={MAX_TITLE}
          value={draft}
          ref={focusOnce}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={onKeyDown}
          onBlur={() => close(true)}
        />
      )}
    </h2>
  );
}

function focusOnce(field: HTMLInputElement | null): void {
  field?.select();
}
