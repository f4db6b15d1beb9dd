import { randomInt } from "node:crypto";
import { SeededRandom } from "@musubi/testing";
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./support/browser.js";
import { buildLongListApp } from "./support/long-list-app.js";
import { type Entry, LongListServer } from "./support/long-list-server.js";

const SIZE = 10_000;
const UPDATES_PER_SECOND = 200;
/** At least; people may be slower. */
const SECONDS = 10;
/** Changes that may wait for the page: on a machine where it shows fewer a second, fewer are made. */
const MOST_AHEAD = 100;
/** In pixels, as the page's style sheet has it. */
const [ROW, VIEW] = [24, 600];
/** Rows that fit, one that is cut at each end, and the five more that are kept above and below. */
const MOST_ROWS = VIEW / ROW + 1 + 2 * 5;

let browser: Browser;
let server: LongListServer;

beforeAll(async () => {
  server = new LongListServer(SIZE, await buildLongListApp());
  await server.listen();
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

const lineOf = ({ id, text, edition }: Entry): string => `${id} ${text} ${edition}`;

/** The rows in view, top to bottom. */
const rowsOf = (page: Page): Promise<{ key: string; place: number; text: string }[]> =>
  page.evaluate(() => {
    const list = document.querySelector(".list") as HTMLElement;
    const { top, bottom } = list.getBoundingClientRect();
    return Array.from(list.querySelectorAll("li"), (row) => {
      const box = row.getBoundingClientRect();
      const place = Math.round((box.top - top + list.scrollTop) / box.height);
      return {
        key: row.dataset["key"] ?? "",
        place,
        text: row.innerText,
        isSeen: box.bottom > top && box.top < bottom,
      };
    })
      .filter(({ isSeen }) => isSeen)
      .sort((one, other) => one.place - other.place)
      .map(({ key, place, text }) => ({ key, place, text }));
  });

const scrollTo = async (page: Page, place: number): Promise<void> => {
  await page.locator(".list").evaluate((list, top) => list.scrollTo({ top }), place * ROW);
};

/** Waits until the page shows what the server has, from `place` on. */
async function expectRows(page: Page, place: number): Promise<void> {
  await scrollTo(page, place);
  const first = Math.min(place, server.entries.length - VIEW / ROW);
  const expected = server.entries
    .slice(first, first + VIEW / ROW)
    .map((entry, index) => ({ key: entry.id, place: first + index, text: lineOf(entry) }));
  await expect.poll(() => rowsOf(page)).toEqual(expected);
}

test(`a list of ${SIZE} rows stays right, in place and answers people while ${UPDATES_PER_SECOND} changes a second come`, async () => {
  const seed = randomInt(2 ** 31);
  console.log(`long list: seed ${seed}`);
  const random = new SeededRandom(seed);
  const below = (limit: number): number => random.integer(0, limit - 1);
  const page = await browser.newPage({ viewport: { width: 900, height: 800 } });
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(server.url);
  await page.locator(`.list[data-size="${SIZE}"]`).waitFor();
  const middle = SIZE / 2;
  await expectRows(page, middle);
  const rowsMade = await page.evaluateHandle(() => window.longList.holdRows());
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const busyBefore = await busySeconds(devtools);
  const started = performance.now();
  const watch = await page.evaluateHandle((key) => window.longList.startWatch(key), `k${middle + 10}`);
  const shownBefore = await page.evaluate(() => window.longList.shown);
  let sent = 0;
  const stopChanging = startChanging(page, () => {
    sent++;
    const kind = below(100);
    const seen = middle + below(VIEW / ROW);
    if (kind < 50) server.insert();
    else if (kind < 70) server.change(seen);
    else if (kind < 85) server.change(below(server.entries.length));
    // Below what is in view: what goes above moves it, as it does in every list.
    else server.delete(middle + 100 + below(server.entries.length - middle - 100));
  });

  const note = "typed while the list changes";
  for (let click = 0; click < 20; click++) await page.getByRole("button").click();
  await page.getByLabel("Note").pressSequentially(note);
  expect(await page.getByRole("button").innerText()).toBe("20 clicks");
  await expect.poll(() => sent, { timeout: 180_000 }).toBeGreaterThanOrEqual(UPDATES_PER_SECOND * SECONDS);
  await stopChanging();
  await page.locator(`.list[data-size="${server.entries.length}"]`).waitFor();
  const seen = await watch.evaluate((read) => read());
  const seconds = (performance.now() - started) / 1_000;
  const busy = (await busySeconds(devtools)) - busyBefore;
  const shown = (await page.evaluate(() => window.longList.shown)) - shownBefore;
  console.log(
    `long list: ${sent} changes in ${seconds.toFixed(1)} s, ${shown} states shown in ${seen.frames} frames, ` +
      `${seen.longTasks} long tasks, the longest ${Math.round(seen.longestTaskMs)} ms, ` +
      `main thread busy ${((busy / seconds) * 100).toFixed(0)} %`,
  );

  expect(seen.losses, "frames without the row that was in view").toBe(0);
  expect(seen.mostRows).toBeLessThanOrEqual(MOST_ROWS);
  expect(seen.frames).toBeGreaterThan(20);
  expect(await page.getByLabel("Note").inputValue()).toBe(note);
  await expectRows(page, middle);
  // The keys are at other places then, and none of them leaves the view for a while.
  server.delete(middle + 8);
  server.delete(middle + 12);
  server.insert(middle + 3);
  await expectRows(page, middle);
  expect(await rowsMade.evaluate((read) => read())).toEqual({ same: VIEW / ROW - 2 + 2 * 5, others: [] });

  for (let step = 0; step < 200; step++) {
    const at = below(server.entries.length);
    if (step % 3 === 0) server.insert(at);
    else if (step % 3 === 1) server.delete(below(middle));
    else server.change(at);
  }
  for (const place of [middle, 0, 1_234, server.entries.length - VIEW / ROW]) await expectRows(page, place);
  expect(errors).toEqual([]);
});

/** How long a page's main thread has been at work. */
async function busySeconds(devtools: CDPSession): Promise<number> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
}

/**
 * Makes {@link UPDATES_PER_SECOND}, catching up where the timer is late, as long as the page keeps up; until it is stopped
 * by what it returns.
 */
function startChanging(page: Page, change: () => void): () => Promise<void> {
  const started = performance.now();
  let [done, ahead] = [0, 0];
  const over = new AbortController();
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1_000) * UPDATES_PER_SECOND;
    for (; done < Math.floor(due) && ahead < MOST_AHEAD; done++, ahead++) change();
  }, 1_000 / UPDATES_PER_SECOND);
  const looking = (async () => {
    for (let before = -1; !over.signal.aborted; ) {
      const shown = await shownOf(page);
      // When nothing has come in two frames, nothing waits.
      ahead = shown === before ? 0 : Math.max(0, ahead - (shown - before));
      before = shown;
    }
  })();
  return () => {
    clearInterval(timer);
    over.abort();
    return looking;
  };
}

/** How many states the page has shown two frames later. */
function shownOf(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(window.longList.shown)));
      }),
  );
}
