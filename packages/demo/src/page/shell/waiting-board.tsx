/** What stands where the board will be, until it is there for the first time. */
export function WaitingBoard() {
  return (
    <div className="board is-waiting" role="group" aria-busy="true" aria-label="The board is loading">
      {[3, 4, 2, 2].map((cards, column) => (
        // Placeholders without identity: they never move.
        <div className="column" key={column}>
          <div className="column-head">
            <span className="bone bone-heading" />
          </div>
          <div className="thread">
            {Array.from({ length: cards }, (_, card) => (
              <div className="slot" key={card}>
                <div className="card bone" />
              </div>
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

/** What stands there when the server refused the board. */
export function RefusedBoard({ reason, onRetry }: { readonly reason: string; readonly onRetry: () => void }) {
  return (
    <div className="refused" role="alert">
      <h2>The board did not open</h2>
      <p>{reason}</p>
      <button type="button" className="button is-primary" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}
