/** What a page of the matrix has counted so far. */
export interface PageCounts {
  react: string;
  fallbacks: number;
  renders: number;
  /** Whether the page came back from the back/forward cache. */
  wasCached: boolean;
}

declare global {
  interface Window {
    counts: PageCounts;
  }
}

/** Kept on the window, so that it outlives every module that is replaced. */
export const counts: PageCounts = (window.counts ??= { react: "", fallbacks: 0, renders: 0, wasCached: false });

addEventListener("pageshow", (event) => {
  counts.wasCached ||= event.persisted;
});

let wasWaiting = false;

/**
 * To be called at each commit of the view. React 19 renders what suspends once more and commits that, with nothing new
 * on screen, where the wait is longer than 300 ms: no commit of ours, and none to count on.
 */
export function countRender(isSuspending: boolean): void {
  const isWaiting = isSuspending && document.querySelector("p")?.textContent === "loading";
  if (!isWaiting || !wasWaiting) counts.renders++;
  wasWaiting = isWaiting;
}
