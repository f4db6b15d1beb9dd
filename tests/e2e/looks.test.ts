import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boardOf, cardOf, introduce, linkText } from "./support/board-page.js";
import { launchBrowser, visit } from "./support/browser.js";
import { contrastsOf } from "./support/contrast.js";
import { createDataFolder, type DemoProcess, startDemo } from "./support/demo-process.js";

const folder = join(import.meta.dirname, "../../artifacts/screens");
const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 800 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};

let browser: Browser;
let data: ReturnType<typeof createDataFolder>;
let demo: DemoProcess;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launchBrowser();
  data = createDataFolder();
  demo = await startDemo(data.path);
});

afterAll(async () => {
  await demo.stop();
  data.remove();
  await browser.close();
});

/** Keeps a picture for people to look at. */
async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))));
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
  it.each<[string, BrowserContextOptions]>([
    ["desktop", {}],
    ["tablet", { viewport: { width: 820, height: 1080 } }],
    ["phone", phone],
    ["small phone", { ...phone, viewport: { width: 320, height: 568 } }],
  ])("fits a %s and can be read", async (name, options) => {
    // Still, so that pictures are the same each time and colours are those that stay.
    const visitor = await visit(browser, demo.url, { colorScheme, reducedMotion: "reduce", ...options });
    const { page } = visitor;
    expect(await overflow(page)).toBe(0);
    const contrasts = await contrastsOf(page);
    expect(contrasts.length).toBeGreaterThan(20);
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    expect(contrasts.every(({ isOnDark }) => isOnDark === (colorScheme === "dark"))).toBe(true);
    await picture(page, `${colorScheme}-${name.replace(" ", "-")}`);
    const activity = page.getByRole("button", { name: "Activity" });
    if (await activity.isVisible()) {
      await activity.click();
      await page.getByRole("heading", { name: "Activity" }).waitFor();
      expect(await overflow(page)).toBe(0);
      await picture(page, `${colorScheme}-${name.replace(" ", "-")}-activity`);
    }
    expect(visitor.errors).toEqual([]);
    await visitor.leave();
  });

  it("shows its parts well: editing, a guest, menus, colours, the name tag, an outage", async () => {
    const options = { colorScheme, reducedMotion: "reduce" } as const;
    const [own, other] = await Promise.all([visit(browser, demo.url, options), visit(browser, demo.url, options)]);
    const { page } = own;
    await introduce(other.page, "Hana Mori");
    await other.page.getByRole("button", { name: "Poster, second draft", exact: true }).click();
    await cardOf(page, "Poster, second draft").getByText("is editing").waitFor();
    await page.getByRole("button", { name: "Lantern workshop at the library", exact: true }).click();
    await picture(page, `${colorScheme}-editing`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Actions for Agree on a rain date" }).click();
    await picture(page, `${colorScheme}-menu`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Colour of Order 400 sheets of washi paper: Amber" }).click();
    await picture(page, `${colorScheme}-colours`);
    await page.keyboard.press("Escape");
    await page.locator(".self-button").click();
    await picture(page, `${colorScheme}-name-tag`);
    await page.keyboard.press("Escape");
    const { port } = demo;
    await demo.kill();
    await expect.poll(() => linkText(page)).toBe("Reconnecting");
    await picture(page, `${colorScheme}-outage`);
    expect((await contrastsOf(page)).filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    demo = await startDemo(data.path, port);
    await Promise.all([own.leave(), other.leave()]);
  });
});

describe("on a touch screen", () => {
  const TITLE = "Shadow theatre for the small ones";

  /** A visitor with a finger on the middle of a card, and where that is. */
  const touchCard = async () => {
    const visitor = await visit(browser, demo.url, { ...phone, viewport: { width: 820, height: 800 } });
    const { page } = visitor;
    const touch = await page.context().newCDPSession(page);
    const at = async (title: string): Promise<{ x: number; y: number }> => {
      const box = await cardOf(page, title).boundingBox();
      if (box === null) throw new Error(`The card ${title} is not on the screen.`);
      return { x: box.x + 110, y: box.y + 14 };
    };
    const send = (type: "touchStart" | "touchMove" | "touchEnd", ...points: { x: number; y: number }[]) =>
      touch.send("Input.dispatchTouchEvent", { type, touchPoints: points });
    const from = await at(TITLE);
    await send("touchStart", from);
    return { visitor, page, at, send, from };
  };

  it("drags a card after a long press", async () => {
    const { visitor, page, at, send, from } = await touchCard();
    const before = await boardOf(page);
    const to = await at("Order 400 sheets of washi paper");
    await page.locator(".drag-ghost").waitFor();
    for (const part of [0.3, 0.7, 1]) {
      await send("touchMove", { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
    }
    await send("touchEnd");
    const expected = before.map(([column, cards]) => {
      const others = cards.filter((card) => card !== TITLE);
      return [column, column === "Up next" ? [TITLE, ...others] : others];
    });
    await expect.poll(() => boardOf(page)).toEqual(expected);
    expect(visitor.errors).toEqual([]);
    await visitor.leave();
  });

  it("scrolls after a short one", async () => {
    const { visitor, page, send, from } = await touchCard();
    const before = await boardOf(page);
    await send("touchMove", { x: from.x, y: from.y + 40 });
    await send("touchEnd");
    expect(await boardOf(page)).toEqual(before);
    expect(await page.locator(".drag-ghost").count()).toBe(0);
    await visitor.leave();
  });
});
