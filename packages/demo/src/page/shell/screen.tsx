import { type ReactNode, useState } from "react";
import type { ActivityEntry } from "../../shared/activity.js";
import { ActivityFeed } from "../feed/activity-feed.js";
import { BoardIcon, ClockIcon } from "./icons.js";
import { type LinkState, linkAdvice } from "./link-state.js";
import { type Notices, NoticeList } from "./notices.js";
import { TopBar, type TopBarProps } from "./top-bar.js";

/** What a {@link Screen} shows. */
export interface ScreenProps extends TopBarProps {
  readonly link: LinkState;
  /** The feed, newest first; `undefined` until it has come. */
  readonly entries: readonly ActivityEntry[] | undefined;
  readonly notices: Notices;
  /** The board, or what stands in for it. */
  readonly children: ReactNode;
}

/** The whole page. On wide windows board and feed stand side by side; on narrow ones a switch chooses. */
export function Screen({ entries, notices, children, ...bar }: ScreenProps) {
  const [view, setView] = useState<"board" | "activity">("board");
  const advice = linkAdvice(bar.link, bar.waiting);
  return (
    <div className="screen" data-view={view} data-link={bar.link}>
      <TopBar {...bar} />
      <main className="views">
        <div className="stage">{children}</div>
        <div className="rail">
          <ActivityFeed entries={entries} />
        </div>
      </main>
      <nav className="view-switch" aria-label="View">
        <button type="button" aria-pressed={view === "board"} onClick={() => setView("board")}>
          <BoardIcon /> Board
        </button>
        <button type="button" aria-pressed={view === "activity"} onClick={() => setView("activity")}>
          <ClockIcon /> Activity
        </button>
      </nav>
      <div className="foot">
        <NoticeList notices={notices} />
        <div role="status">{advice !== null && <p className="banner">{advice}</p>}</div>
      </div>
    </div>
  );
}
