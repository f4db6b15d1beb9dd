import type { SocketLike } from "@musubi/client";
import { useMemo, useState } from "react";
import { findCard } from "../shared/board.js";
import type { BoardEdit } from "../shared/edit.js";
import { BoardActionsContext } from "./board/board-actions.js";
import { BoardView } from "./board/board-view.js";
import { useBoard } from "./board/use-board.js";
import { useBoardActionsOf } from "./board/use-board-actions.js";
import { FilesSheet } from "./files/files-sheet.js";
import { MusubiProvider, useMusubiRoot } from "./musubi.js";
import type { Self } from "./people/self.js";
import { usePeople } from "./people/use-people.js";
import { Notices } from "./shell/notices.js";
import { Screen } from "./shell/screen.js";
import { useLinkState } from "./shell/use-link-state.js";
import { RefusedBoard, WaitingBoard } from "./shell/waiting-board.js";

/** What the page runs on. */
export interface AppProps {
  readonly socket: SocketLike;
  readonly seat: Self;
}

/** The whole app, over one socket. */
export function App({ socket, seat }: AppProps) {
  return (
    <MusubiProvider socket={socket}>
      <TeamBoard seat={seat} />
    </MusubiProvider>
  );
}

/** Three roots on one channel from the start, the board, the feed and who is here; panels mount what they show. */
function TeamBoard({ seat }: Pick<AppProps, "seat">) {
  const [notices] = useState(() => new Notices());
  const [announcement, announce] = useState("");
  const link = useLinkState();
  const root = useMusubiRoot({ module: "Demo.Board", id: "main" });
  const activity = useMusubiRoot({ module: "Demo.Activity", id: "main" });
  const [filesOf, openFiles] = useState<string | null>(null);
  const { self, others, guests, introduce, setEditing, wave } = usePeople(seat, notices);
  const { board, waiting, edit } = useBoard(root.status === "ready" ? root.store : undefined, notices);
  const actions = useBoardActionsOf({ board, edit, setEditing, announce, notices, openFiles });
  const pending = useMemo(() => cardsOf(waiting), [waiting]);
  const shown = filesOf === null ? undefined : board && findCard(board, filesOf);

  return (
    <Screen
      title={board?.title ?? "Team board"}
      link={link}
      waiting={waiting.length}
      self={self}
      others={others}
      onIntroduce={introduce}
      onWave={wave}
      activity={activity.store}
      notices={notices}
    >
      {board !== undefined ? (
        <BoardActionsContext value={actions}>
          <BoardView board={board} guests={guests} pending={pending} />
          {shown && <FilesSheet key={shown.card.id} card={shown.card} onClose={() => openFiles(null)} />}
        </BoardActionsContext>
      ) : root.status === "error" ? (
        <RefusedBoard reason={root.error.message} onRetry={root.retry} />
      ) : (
        <WaitingBoard />
      )}
      <p className="visually-hidden" role="status" aria-label="Moves">
        {announcement}
      </p>
    </Screen>
  );
}

function cardsOf(edits: readonly BoardEdit[]): ReadonlySet<string> {
  return new Set(edits.flatMap((edit) => ("cardId" in edit ? [edit.cardId] : [])));
}
