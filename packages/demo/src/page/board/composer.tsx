import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { MAX_TITLE } from "../../shared/board.js";
import { useLeave } from "../shell/use-leave.js";

/** What a {@link Composer} asks for. */
export interface ComposerProps {
  /** What the closed composer says. */
  readonly prompt: ReactNode;
  /** The field's accessible name. */
  readonly label: string;
  readonly placeholder: string;
  readonly submitText: string;
  readonly onSubmit: (title: string) => void;
}

/** A button that becomes a one-line form. Enter adds and stays open for the next; Escape, or leaving it empty, closes. */
export function Composer({ prompt, label, placeholder, submitText, onSubmit }: ComposerProps) {
  const [isOpen, setIsOpen] = useState(false);
  const [title, setTitle] = useState("");
  const opener = useRef<HTMLButtonElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (isOpen) field.current?.focus();
  }, [isOpen]);

  const close = (): void => {
    setIsOpen(false);
    setTitle("");
  };
  const submit = (): void => {
    const wanted = title.trim();
    if (wanted === "") return;
    onSubmit(wanted);
    setTitle("");
    requestAnimationFrame(() => field.current?.scrollIntoView({ block: "nearest" }));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    close();
    requestAnimationFrame(() => opener.current?.focus());
  };
  useLeave(form, () => {
    if (title.trim() === "") close();
  });

  if (!isOpen) {
    return (
      <button ref={opener} type="button" className="composer-open" onClick={() => setIsOpen(true)}>
        {prompt}
      </button>
    );
  }
  return (
    <form
      ref={form}
      className="composer"
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <input
        ref={field}
        className="field"
        aria-label={label}
        placeholder={placeholder}
        maxLength={MAX_TITLE}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <div className="form-row">
        <button type="submit" className="button is-primary" disabled={title.trim() === ""}>
          {submitText}
        </button>
        <button type="button" className="button" onClick={close}>
          Close
        </button>
      </div>
    </form>
  );
}
