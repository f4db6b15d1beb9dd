import type { Page } from "playwright-core";

/** What a page has shown while it was watched. */
export interface Watched {
  /** The fewest cards that were on the board after any change of the page, and in any frame. */
  readonly fewestCards: number;
  /** The fewest lines that were in the activity feed. */
  readonly fewestLines: number;
  /** All that the connection's pill has said. */
  readonly links: readonly string[];
  /** Frames looked at: none would prove nothing. */
  readonly frames: number;
}

declare global {
  interface Window {
    watched?: Watched;
  }
}

/** Looks at the page after each change of its tree and in each frame, from now on. */
export async function startWatching(page: Page): Promise<void> {
  await page.evaluate(() => {
    const links = new Set<string>();
    let fewestCards = Number.POSITIVE_INFINITY;
    let fewestLines = Number.POSITIVE_INFINITY;
    let frames = 0;
    const look = (): void => {
      fewestCards = Math.min(fewestCards, document.querySelectorAll(".board [data-card-id]").length);
      fewestLines = Math.min(fewestLines, document.querySelectorAll(".feed-line").length);
      links.add(document.querySelector(".link-pill")?.getAttribute("data-link") ?? "none");
      window.watched = { fewestCards, fewestLines, links: Array.from(links), frames };
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
    const frame = (): void => {
      frames += 1;
      look();
      requestAnimationFrame(frame);
    };
    frame();
  });
}

/** What the page has shown since {@link startWatching}. */
export async function readWatched(page: Page): Promise<Watched> {
  const watched = await page.evaluate(() => window.watched);
  if (watched === undefined) throw new Error("The page was loaded anew: nobody watches it any more.");
  return watched;
}
