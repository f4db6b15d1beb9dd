import type { SocketLike } from "@musubi/client";
import { useMemo, useState } from "react";
import type { BoardEdit } from "../shared/edit.js";
import { BoardView } from "./board/board-view.js";
import { useBoard } from "./board/use-board.js";
import { useBoardActionsOf } from "./board/use-board-actions.js";
import { MusubiProvider, useMusubiRoot, useMusubiSnapshot } from "./musubi.js";
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

/** Three roots on one channel: the board, the activity feed and who is here. */
function TeamBoard({ seat }: Pick<AppProps, "seat">) {
  const [notices] = useState(() => new Notices());
  const [announcement, announce] = useState("");
  const link = useLinkState();
  const root = useMusubiRoot({ module: "Demo.Board", id: "main" });
  const activity = useMusubiRoot({ module: "Demo.Activity", id: "main" });
  const entries = useMusubiSnapshot(
    activity.status === "ready" ? activity.store : undefined,
    ({ entries: all }) => all,
  );
  const { self, others, guests, introduce, setEditing } = usePeople(seat);
  const { board, waiting, edit } = useBoard(root.status === "ready" ? root.store : undefined, notices);
  const actions = useBoardActionsOf({ board, edit, setEditing, announce, notices });
  const pending = useMemo(() => cardsOf(waiting), [waiting]);

  return (
    <Screen
      title={board?.title ?? "Team board"}
      link={link}
      waiting={waiting.length}
      self={self}
      others={others}
      onIntroduce={introduce}
      entries={entries}
      notices={notices}
    >
      {board !== undefined ? (
        <BoardView board={board} actions={actions} guests={guests} pending={pending} />
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
