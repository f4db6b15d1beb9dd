import { useEffect, useState } from "react";
import { type LinkState, linkAdvice } from "./link-state.js";
import { useNextRetryAt } from "./use-next-retry-at.js";

/** What a {@link LinkBanner} shows. */
export interface LinkBannerProps {
  readonly link: LinkState;
  /** Edits on their way. */
  readonly waiting: number;
}

/** Says what to make of a link that is down, and when it is tried again. */
export function LinkBanner({ link, waiting }: LinkBannerProps) {
  const advice = linkAdvice(link, waiting);
  return (
    <div role="status">
      {advice !== null && (
        <p className="banner">
          {advice}
          {link !== "failed" && <RetryCountdown />}
        </p>
      )}
    </div>
  );
}

function RetryCountdown() {
  const nextRetryAt = useNextRetryAt();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (nextRetryAt === null) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [nextRetryAt]);
  const seconds = nextRetryAt === null ? 0 : Math.ceil((nextRetryAt - now) / 1_000);
  // For eyes alone: read out, a countdown would talk without end.
  return (
    <span className="banner-retry" aria-hidden="true">
      {seconds > 0 ? `Trying again in ${seconds} s` : "Trying now"}
    </span>
  );
}
