import { memo, useEffect, useState } from "react";
import type { ActivityEntry } from "../../shared/activity.js";
import { type ActivityStore, useMusubiStream } from "../musubi.js";
import { activityText } from "./activity-text.js";
import { timeAgo } from "./time-ago.js";

/** Who did what, newest first; empty until the store is there. */
export function ActivityFeed({ store }: { readonly store: ActivityStore | undefined }) {
  const { items, keys } = useMusubiStream(store, ({ entries }) => entries);
  const now = useMinutes();
  return (
    <section className="feed" aria-labelledby="feed-heading">
      <h2 className="visually-hidden" id="feed-heading">
        Activity
      </h2>
      {items.length === 0 ? (
        <p className="feed-empty">{store && "Nothing yet. The first change you make shows up here."}</p>
      ) : (
        <ol className="feed-list" tabIndex={0} aria-label="Latest changes">
          {items.map((entry, index) => (
            <FeedLine key={keys[index]} entry={entry} ago={timeAgo(entry.at, now)} />
          ))}
        </ol>
      )}
    </section>
  );
}

const FeedLine = memo(function FeedLine({ entry, ago }: { readonly entry: ActivityEntry; readonly ago: string }) {
  const { verb, link, object } = activityText(entry);
  return (
    <li className="feed-line" data-hue={entry.hue}>
      <p>
        <b className="feed-name">{entry.name}</b> {verb} <span className="feed-thing">{entry.subject}</span>
        {link !== "" && (
          <>
            {" "}
            {link} <span className="feed-thing">{object}</span>
          </>
        )}
      </p>
      <time dateTime={new Date(entry.at).toISOString()}>{ago}</time>
    </li>
  );
});

/** The time, anew every half minute. */
function useMinutes(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return Math.max(now, Date.now());
}
