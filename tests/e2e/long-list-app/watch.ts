/** What a page has seen of itself while it was watched. */
export interface LongListWatch {
  readonly frames: number;
  /** Tasks of more than 50 ms, and the longest of them in milliseconds. */
  readonly longTasks: number;
  readonly longestTaskMs: number;
  /** The most rows that were in the document at once. */
  readonly mostRows: number;
  /** Frames in which the row that was watched had moved, was another element, or was gone. */
  readonly losses: number;
}

/** What has become of the elements of rows. */
export interface HeldRows {
  /** Rows that are the elements they were. */
  readonly same: number;
  /** Keys of rows that are other elements now. */
  readonly others: readonly string[];
}

/** Remembers the elements of all rows; look at what has become of those still there with the function it returns. */
export function holdRows(): () => HeldRows {
  const rows = document.querySelectorAll<HTMLElement>(".list li");
  const held = Array.from(rows, (row) => [row.dataset["key"] ?? "", row] as const);
  return () => {
    const now = held.map(([key, row]) => ({ key, row, other: document.querySelector(`[data-key="${key}"]`) }));
    return {
      same: now.filter(({ row, other }) => row === other).length,
      others: now.filter(({ row, other }) => other !== null && row !== other).map(({ key }) => key),
    };
  };
}

/** Counts in each frame, from now on, and keeps an eye on one row; read what it saw with the function it returns. */
export function startWatch(key: string): () => LongListWatch {
  const rowOf = (): HTMLElement | null => document.querySelector(`[data-key="${key}"]`);
  const row = rowOf();
  const top = row?.getBoundingClientRect().top;
  let [frames, longTasks, longestTaskMs, mostRows, losses] = [0, 0, 0, 0, 0];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      longTasks++;
      longestTaskMs = Math.max(longestTaskMs, duration);
    }
  });
  observer.observe({ type: "longtask" });
  const look = (): void => {
    frames++;
    mostRows = Math.max(mostRows, document.querySelectorAll(".list li").length);
    if (row === null || rowOf() !== row || row.getBoundingClientRect().top !== top) losses++;
    frame = requestAnimationFrame(look);
  };
  let frame = requestAnimationFrame(look);
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    return { frames, longTasks, longestTaskMs, mostRows, losses };
  };
}
