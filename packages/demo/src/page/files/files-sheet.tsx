import { Suspense, useEffect, useRef } from "react";
import type { Card, CardFile } from "../../shared/board.js";
import { useBoardActions } from "../board/board-actions.js";
import { ErrorBoundary } from "../shell/error-boundary.js";
import { CloseIcon } from "../shell/icons.js";
import { FileDrop } from "./file-drop.js";
import { FileList } from "./file-list.js";

/** What a {@link FilesSheet} shows. */
export interface FilesSheetProps {
  readonly card: Card;
  readonly onClose: () => void;
}

/** The files of a card, over the board: those that hang there, and room for more. */
export function FilesSheet({ card, onClose }: FilesSheetProps) {
  const { edit, notice } = useBoardActions();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const { current } = dialog;
    if (current?.open === false) current.showModal();
  }, []);

  const remove = (file: CardFile): void => {
    edit({ kind: "detachFile", cardId: card.id, fileId: file.id });
    notice(`Took off “${file.name}”`, () => edit({ kind: "attachFile", cardId: card.id, file }));
  };

  return (
    <dialog
      ref={dialog}
      className="sheet"
      aria-labelledby="sheet-heading"
      data-no-drag=""
      onClose={onClose}
      onClick={(event) => {
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div className="sheet-body">
        <header className="sheet-head">
          <h2 id="sheet-heading">Files of {card.title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
            <CloseIcon />
          </button>
        </header>
        <FileList files={card.files} onRemove={remove} />
        <ErrorBoundary title="Files cannot be sent to this card">
          <Suspense fallback={<p className="drop is-waiting">Opening…</p>}>
            <FileDrop cardId={card.id} />
          </Suspense>
        </ErrorBoundary>
      </div>
    </dialog>
  );
}
