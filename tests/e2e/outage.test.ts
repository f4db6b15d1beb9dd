import { describe, expect, it } from "vitest";
import { readWatched, startWatching } from "./support/blank-watch.js";
import { addCard, boardOf, cardOf, feedOf, linkText } from "./support/board-page.js";
import type { Visitor } from "./support/browser.js";
import { startDemo } from "./support/demo-process.js";
import { startEditLoad } from "./support/edit-load.js";
import { useTwoVisitors } from "./support/two-visitors.js";

const stage = useTwoVisitors();

const soon = { timeout: 90_000, interval: 50 };
const titlesOf = async (visitor: Visitor): Promise<string[]> =>
  (await boardOf(visitor.page)).flatMap(([, cards]) => cards);
const loadNumber = (titles: readonly string[]): number =>
  Number(titles.find((title) => title.startsWith("load "))?.slice("load ".length) ?? 0);

describe("a server that is killed and started again", () => {
  it("never blanks a page, loses nothing acknowledged, and both pages agree again", async () => {
    const { ana, bo } = stage;
    const initial = await titlesOf(ana);
    await Promise.all([startWatching(ana.page), startWatching(bo.page)]);
    const typed: string[] = [];
    const type = async (visitor: Visitor, column: string, title: string): Promise<void> => {
      typed.push(title);
      await addCard(visitor.page, column, title);
    };
    let acknowledged = 0;
    for (const round of [1, 2, 3]) {
      let isTyping = true;
      // Pages show each edit while somebody types: on a machine where they are slower than the server they could do
      // nothing else.
      const shown = async (): Promise<unknown> =>
        isTyping && Promise.all([ana, bo].map(({ page }) => page.evaluate(() => new Promise(requestAnimationFrame))));
      const load = await startEditLoad(stage.demo.port, "next3", acknowledged, shown);
      const typing = [1, 2, 3, 4].flatMap((number) => [
        () => type(ana, "Ideas", `ana ${round}.${number}`),
        () => type(bo, "In the works", `bo ${round}.${number}`),
      ]);
      for (const write of typing.splice(0, 4)) await write();
      isTyping = false;
      await expect.poll(() => load.acknowledged, soon).toBeGreaterThan(acknowledged + 20);
      // In the middle of edits: the load waits for an answer at this very moment, and pages may too.
      await stage.demo.kill();
      load.stop();
      ({ acknowledged } = load);
      for (const visitor of [ana, bo]) await expect.poll(() => linkText(visitor.page), soon).toBe("Reconnecting");
      for (const write of typing) await write();
      expect(await titlesOf(ana)).toEqual(expect.arrayContaining([`ana ${round}.4`]));
      expect(await ana.page.getByText("The server is out of reach").isVisible()).toBe(true);
      stage.demo = await startDemo(stage.dataFolder, stage.demo.port);
      for (const visitor of [ana, bo]) await expect.poll(() => linkText(visitor.page), soon).toBe("Live");
      await expect.poll(() => titlesOf(bo), soon).toEqual(expect.arrayContaining(typed));
      expect(loadNumber(await titlesOf(bo))).toBeGreaterThanOrEqual(acknowledged);
    }
    expect(acknowledged).toBeGreaterThan(60);

    const fresh = await stage.visit();
    const board = await boardOf(fresh.page);
    await expect.poll(() => boardOf(ana.page), soon).toEqual(board);
    await expect.poll(() => boardOf(bo.page), soon).toEqual(board);
    await expect.poll(() => feedOf(ana.page, 40), soon).toEqual(await feedOf(fresh.page, 40));
    await fresh.leave();
    const titles = board.flatMap(([, cards]) => cards);
    expect(titles.filter((title) => typed.includes(title)).sort()).toEqual([...typed].sort());
    expect(titles).toHaveLength(initial.length + typed.length);

    for (const visitor of [ana, bo]) {
      const watched = await readWatched(visitor.page);
      expect(watched.fewestCards).toBeGreaterThanOrEqual(initial.length);
      expect(watched.fewestLines).toBeGreaterThan(0);
      expect([...watched.links].sort()).toEqual(["live", "reconnecting"]);
      expect(watched.frames).toBeGreaterThan(20);
    }
  });

  it("keeps the text that someone is typing into a card", async () => {
    const { ana, bo } = stage;
    await ana.page.getByRole("button", { name: "Poster, second draft", exact: true }).click();
    const title = ana.page.getByRole("textbox", { name: "Title" });
    await title.fill("Poster, third");
    await stage.demo.kill();
    await expect.poll(() => linkText(ana.page), soon).toBe("Reconnecting");
    await title.pressSequentially(" draft");
    stage.demo = await startDemo(stage.dataFolder, stage.demo.port);
    await expect.poll(() => linkText(ana.page), soon).toBe("Live");
    await expect.poll(() => cardOf(bo.page, "Poster, second draft").innerText(), soon).toContain("is editing");
    await ana.page.keyboard.press("Enter");
    await expect.poll(() => titlesOf(bo), soon).toContain("Poster, third draft");
  });
});

describe("a server that is stopped in good order", () => {
  it("ends although pages are open, and the next one has all of the data", async () => {
    const { ana, bo } = stage;
    await addCard(ana.page, "Ideas", "Kept");
    await expect.poll(() => titlesOf(bo), soon).toContain("Kept");
    const [board, feed] = [await boardOf(bo.page), await feedOf(bo.page, 40)];
    expect(await stage.demo.stop()).toBe(0);
    stage.demo = await startDemo(stage.dataFolder);
    const later = await stage.visit();
    expect(await boardOf(later.page)).toEqual(board);
    await expect.poll(() => feedOf(later.page, 40), soon).toEqual(feed);
    await later.leave();
  });
});
