import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Board } from "../../shared/board.js";
import { applyEdit, type BoardEdit } from "../../shared/edit.js";
import { EditQueue } from "../edit-queue.js";
import { type BoardStore, useMusubiSnapshot } from "../musubi.js";
import { sendEdit } from "../send-edit.js";
import type { Notices } from "../shell/notices.js";
import { refusalText } from "./refusal-text.js";

/** The board as people here see it: the server's, with the edits on their way applied. */
export interface BoardState {
  /** `undefined` until the server's first answer, and never again after that. */
  readonly board: (Board & { readonly title: string }) | undefined;
  /** Edits on their way, oldest first. */
  readonly waiting: readonly BoardEdit[];
  readonly edit: (edit: BoardEdit) => void;
}

const PAUSE_MS = 400;

/** Reads the board's root, and sends edits to it. */
export function useBoard(store: BoardStore | undefined, notices: Notices): BoardState {
  const [queue] = useState(
    () =>
      new EditQueue({
        onRefused: (edit, reason) => notices.add(refusalText(edit, reason)),
        pause: () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS)),
      }),
  );
  const snapshot = useMusubiSnapshot(store);
  const waiting = useSyncExternalStore(queue.subscribe, () => queue.current);

  useEffect(() => {
    if (store === undefined) return undefined;
    queue.sendWith((edit) => sendEdit(store, edit));
    return () => queue.sendWith(null);
  }, [queue, store]);

  const revision = snapshot?.revision;
  useEffect(() => {
    if (revision !== undefined) queue.show(revision);
  }, [queue, revision]);

  useEffect(() => {
    if (waiting.length === 0) return undefined;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [waiting.length]);

  const board = useMemo(
    () => snapshot && { title: snapshot.title, columns: waiting.reduce<Board>(applyEdit, snapshot).columns },
    [snapshot, waiting],
  );
  return { board, waiting, edit: useMemo(() => queue.push.bind(queue), [queue]) };
}
