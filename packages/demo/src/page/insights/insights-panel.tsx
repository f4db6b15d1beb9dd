import { Suspense } from "react";
import { useMusubiAsync, useMusubiCommand, useMusubiRootSuspense } from "../musubi.js";
import { ErrorBoundary } from "../shell/error-boundary.js";
import { Bars } from "./bars.js";
import { HourChart } from "./hour-chart.js";

/** What the board has been up to. Mounted with the panel: a page that does not look at it costs the server nothing. */
export function InsightsPanel() {
  return (
    <section className="insights" aria-labelledby="insights-heading">
      <h2 className="visually-hidden" id="insights-heading">
        Insights
      </h2>
      <ErrorBoundary title="The insights did not open">
        <Suspense fallback={<WaitingInsights />}>
          <Insights />
        </Suspense>
      </ErrorBoundary>
    </section>
  );
}

function Insights() {
  const store = useMusubiRootSuspense({ module: "Demo.Insights", id: "main" });
  const { data, isRefreshing } = useMusubiAsync(store, (snapshot) => snapshot.report);
  const { dispatch: refresh, isPending } = useMusubiCommand(store, "refresh");
  const cards = data.columns.reduce((sum, column) => sum + column.cards, 0);
  const isBusy = isRefreshing || isPending;

  return (
    <>
      <div className="insights-head">
        <p className="insights-sum">
          <b>{cards}</b> {cards === 1 ? "card" : "cards"}, <b>{data.files}</b> {data.files === 1 ? "file" : "files"}
        </p>
        <button
          type="button"
          className="button"
          aria-disabled={isBusy}
          onClick={() => void refresh({}).catch(() => {})}
        >
          {isBusy ? "Counting" : "Count anew"}
        </button>
      </div>
      <div className={`insights-body${isRefreshing ? " is-refreshing" : ""}`} aria-busy={isRefreshing}>
        <h3>Cards in each column</h3>
        <Bars rows={data.columns.map(({ title, cards: value }) => ({ label: title, value }))} />
        <h3>Changes in the last {data.hours.length} hours</h3>
        <HourChart hours={data.hours} />
        <h3>By whom</h3>
        {data.people.length === 0 ? (
          <p className="feed-empty">Nobody has changed anything in that time.</p>
        ) : (
          <Bars rows={data.people.map(({ name, hue, changes }) => ({ label: name, value: changes, hue }))} />
        )}
      </div>
    </>
  );
}

function WaitingInsights() {
  return (
    <div className="insights-body" role="group" aria-busy="true" aria-label="The insights are loading">
      {[70, 95, 60, 80, 40].map((width) => (
        <span key={width} className="bone bone-line" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
