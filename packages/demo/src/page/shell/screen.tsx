import { type ReactNode, useState } from "react";
import { ActivityFeed } from "../feed/activity-feed.js";
import { InsightsPanel } from "../insights/insights-panel.js";
import type { ActivityStore } from "../musubi.js";
import { BoardIcon, ChartIcon, ClockIcon } from "./icons.js";
import { LinkBanner } from "./link-banner.js";
import type { LinkState } from "./link-state.js";
import { type Notices, NoticeList } from "./notices.js";
import { TopBar, type TopBarProps } from "./top-bar.js";

/** What a {@link Screen} shows. */
export interface ScreenProps extends TopBarProps {
  readonly link: LinkState;
  /** The feed; `undefined` until it has come. */
  readonly activity: ActivityStore | undefined;
  readonly notices: Notices;
  /** The board, or what stands in for it. */
  readonly children: ReactNode;
}

type View = "board" | "activity" | "insights";

/** The whole page. On wide windows the board and one panel stand side by side; on narrow ones a switch chooses. */
export function Screen({ activity, notices, children, ...bar }: ScreenProps) {
  const [view, setView] = useState<View>("board");
  // The board is no panel: beside it the feed is what shows first.
  const panel = view === "insights" ? "insights" : "activity";
  const choose = (name: View, icon: ReactNode, text: string, isChosen: boolean) => (
    <button type="button" aria-pressed={isChosen} onClick={() => setView(name)}>
      {icon} {text}
    </button>
  );
  return (
    <div className="screen" data-view={view} data-link={bar.link}>
      <TopBar {...bar} />
      <main className="views">
        <div className="stage">{children}</div>
        <div className="rail">
          <div className="rail-tabs" role="group" aria-label="Beside the board">
            {choose("activity", null, "Activity", panel === "activity")}
            {choose("insights", null, "Insights", panel === "insights")}
          </div>
          {panel === "activity" ? <ActivityFeed store={activity} /> : <InsightsPanel />}
        </div>
      </main>
      <nav className="view-switch" aria-label="View">
        {choose("board", <BoardIcon />, "Board", view === "board")}
        {choose("activity", <ClockIcon />, "Activity", view === "activity")}
        {choose("insights", <ChartIcon />, "Insights", view === "insights")}
      </nav>
      <div className="foot">
        <NoticeList notices={notices} />
        <LinkBanner link={bar.link} waiting={bar.waiting} />
      </div>
    </div>
  );
}
