import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { cardOf, feedOf, introduce, linkText } from "./support/board-page.js";
import { startDemo } from "./support/demo-process.js";
import { useTwoVisitors } from "./support/two-visitors.js";

const stage = useTwoVisitors();
const soon = { timeout: 60_000, interval: 50 };
const CARD = "Poster, second draft";

async function openFiles(page: Page): Promise<void> {
  await page.getByRole("button", { name: `Actions for ${CARD}` }).click();
  await page.getByRole("button", { name: "Files", exact: true }).click();
  await page.getByText("Choose files").waitFor();
}

const choose = (page: Page, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> =>
  page.getByLabel("Choose files").setInputFiles(files);
const text = (name: string, content: string) => ({ name, mimeType: "text/plain", buffer: Buffer.from(content) });
const filesOf = (page: Page): Promise<string[]> => page.locator(".files .file-name").allInnerTexts();
const fileCount = (page: Page) => cardOf(page, CARD).getByRole("button", { name: `Files of ${CARD}` });

describe("files of a card", () => {
  it("are sent with progress, hang at the card for everybody, and can be taken off and back", async () => {
    const { ana, bo } = stage;
    await openFiles(ana.page);
    const big = Buffer.alloc(9_000_000, "musubi ");
    const picture = await ana.page.screenshot({ clip: { x: 0, y: 0, width: 90, height: 90 } });
    const seen = ana.page.evaluate(() => {
      const values = new Set<number>();
      new MutationObserver(() => {
        for (const bar of document.querySelectorAll("progress")) values.add(bar.value);
      }).observe(document.body, { attributes: true, childList: true, subtree: true });
      return new Promise<number[]>((resolve) => {
        addEventListener("seen", () => resolve(Array.from(values)), { once: true });
      });
    });
    await choose(
      ana.page,
      { name: "moon & tide's.png", mimeType: "image/png", buffer: picture },
      { name: "plan.pdf", mimeType: "application/pdf", buffer: big },
    );
    await expect.poll(() => filesOf(ana.page), soon).toEqual(["moon & tide's.png", "plan.pdf"]);
    await ana.page.evaluate(() => dispatchEvent(new Event("seen")));
    expect((await seen).some((value) => value > 0 && value < 100)).toBe(true);
    await expect.poll(() => fileCount(bo.page).innerText(), soon).toBe("2");
    await fileCount(bo.page).click();
    expect(await filesOf(bo.page)).toEqual(["moon & tide's.png", "plan.pdf"]);
    const link = await bo.page.getByRole("link", { name: "plan.pdf" }).getAttribute("href");
    const sent = await fetch(new URL(link ?? "", stage.demo.url));
    expect(Buffer.from(await sent.arrayBuffer()).equals(big)).toBe(true);
    const shown = await bo.page.locator("img.file-picture").evaluate((image: HTMLImageElement) => image.decode());
    expect(shown).toBeUndefined();

    await bo.page.getByRole("button", { name: "Take off plan.pdf" }).click();
    await expect.poll(() => filesOf(ana.page), soon).toEqual(["moon & tide's.png"]);
    await bo.page.keyboard.press("Escape");
    await bo.page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => filesOf(ana.page), soon).toEqual(["moon & tide's.png", "plan.pdf"]);
    expect((await feedOf(ana.page, 1))[0]).toMatch(/gave Poster, second draft the file plan.pdf$/);
  });

  it("go out after an outage when they are chosen in it, and refusals say why", async () => {
    const { ana, bo } = stage;
    await openFiles(ana.page);
    await choose(ana.page, { name: "huge.bin", mimeType: "", buffer: Buffer.alloc(12_000_001) });
    await ana.page.getByRole("alert").getByText("huge.bin").waitFor();
    await ana.page.getByRole("button", { name: "Dismiss" }).click();
    await choose(ana.page, text("first.txt", "one"));
    await expect.poll(() => filesOf(ana.page), soon).toEqual(["first.txt"]);
    await stage.demo.kill();
    await expect.poll(() => linkText(ana.page), soon).toBe("Reconnecting");
    await choose(ana.page, text("later.txt", "two"));
    stage.demo = await startDemo(stage.dataFolder, stage.demo.port);
    await expect.poll(() => filesOf(ana.page), soon).toEqual(["first.txt", "later.txt"]);
    await expect.poll(() => fileCount(bo.page).innerText(), soon).toBe("2");
    expect(await readFile(join(stage.dataFolder, "files", await idOf(ana.page, "first.txt")), "utf8")).toBe("one");
  });
});

async function idOf(page: Page, name: string): Promise<string> {
  const href = await page.getByRole("link", { name }).getAttribute("href");
  return href?.split("/").at(-1) ?? "";
}

describe("the insights", () => {
  it("are counted in the background, and anew while the former count stays", async () => {
    const { ana, bo } = stage;
    await ana.page.getByRole("button", { name: "Insights" }).click();
    await ana.page.getByText("13 cards, 0 files").waitFor();
    await introduce(bo.page, "Bo");
    await bo.page.getByRole("button", { name: "Actions for Soup from the school kitchen" }).click();
    await bo.page.getByRole("button", { name: "Remove", exact: true }).click();
    await ana.page.getByText("12 cards, 0 files").waitFor();
    await expect.poll(() => ana.page.locator(".bar-label").allInnerTexts(), soon).toContain("Bo");
    await ana.page.getByRole("button", { name: "Count anew" }).click();
    await ana.page.getByRole("button", { name: "Count anew" }).waitFor();
    // Back and forth: mounted again, or still there, it never shows less than it did.
    await ana.page.getByRole("button", { name: "Activity" }).click();
    await ana.page.getByRole("button", { name: "Insights" }).click();
    await ana.page.getByText("12 cards, 0 files").waitFor();
  });
});

describe("people", () => {
  it("wave at each other", async () => {
    const { ana, bo } = stage;
    await introduce(ana.page, "Ana Weaver");
    await introduce(bo.page, "Bo");
    await ana.page.getByRole("button", { name: "Wave at Bo" }).click();
    await bo.page.getByText("Ana Weaver waves at you").waitFor();
    await ana.page.getByText("You waved at Bo").waitFor();
  });
});
