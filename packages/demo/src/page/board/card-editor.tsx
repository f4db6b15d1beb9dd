import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type Card, MAX_NOTE, MAX_TITLE } from "../../shared/board.js";
import { useLeave } from "../shell/use-leave.js";
import { useBoardActions } from "./board-actions.js";
import { drafts } from "./drafts.js";

/** A card's title and note as a small form. Enter or leaving it saves, Escape leaves all as it was. */
export function CardEditor({ card, onClose }: { readonly card: Card; readonly onClose: () => void }) {
  const { edit, setEditing } = useBoardActions();
  const [draft, setDraft] = useState(() => drafts.get(card.id) ?? { title: card.title, note: card.note });
  const isDone = useRef(false);
  const form = useRef<HTMLFormElement>(null);
  const title = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    setEditing(card.id);
    title.current?.focus();
    title.current?.setSelectionRange(title.current.value.length, title.current.value.length);
    return () => setEditing(null);
  }, [card.id, setEditing]);

  const change = (next: typeof draft): void => {
    // Kept outside the component: a card that somebody moves meanwhile is drawn anew.
    drafts.set(card.id, next);
    setDraft(next);
  };
  const close = (isSaved: boolean): void => {
    if (isDone.current) return;
    isDone.current = true;
    drafts.delete(card.id);
    const next = { title: oneLine(draft.title), note: draft.note.trim() };
    const isChanged = next.title !== card.title || next.note !== card.note;
    if (isSaved && isChanged && next.title !== "") edit({ kind: "editCard", cardId: card.id, ...next });
    onClose();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") close(false);
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    close(true);
  };
  useLeave(form, () => close(true));

  return (
    <form
      ref={form}
      className="card-editor"
      aria-label={`Edit ${card.title}`}
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        close(true);
      }}
    >
      <textarea
        ref={title}
        className="field field-title"
        aria-label="Title"
        rows={1}
        maxLength={MAX_TITLE}
        value={draft.title}
        onChange={(event) => change({ ...draft, title: event.target.value })}
      />
      <textarea
        className="field field-note"
        aria-label="Note"
        placeholder="A note, if it helps"
        rows={2}
        maxLength={MAX_NOTE}
        value={draft.note}
        onChange={(event) => change({ ...draft, note: event.target.value })}
      />
      <div className="form-row">
        <button type="submit" className="button is-primary">
          Save
        </button>
        <button type="button" className="button" onClick={() => close(false)}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
