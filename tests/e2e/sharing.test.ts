import { beforeEach, describe, expect, it } from "vitest";
import {
  addCard,
  boardOf,
  cardOf,
  cardsIn,
  columnOf,
  dragAbove,
  feedOf,
  introduce,
  linkText,
  othersOf,
} from "./support/board-page.js";
import type { Visitor } from "./support/browser.js";
import { useTwoVisitors } from "./support/two-visitors.js";

const stage = useTwoVisitors();
let ana: Visitor;
let bo: Visitor;

beforeEach(async () => {
  ({ ana, bo } = stage);
  await introduce(ana.page, "Ana Weaver");
  await introduce(bo.page, "Bo");
});

const soon = { timeout: 60_000, interval: 50 };

describe("two pages share the board", () => {
  it("shows each edit in the other page, with a line in the feed", async () => {
    await addCard(ana.page, "Ideas", "Paper boats");
    await expect.poll(() => cardsIn(bo.page, "Ideas"), soon).toContain("Paper boats");
    await dragAbove(bo.page, "Paper boats", "Permit from the town hall");
    await expect
      .poll(() => cardsIn(ana.page, "Tied up"), soon)
      .toEqual(["Paper boats", "Permit from the town hall", "Borrow the brass band's trolley"]);
    await cardOf(ana.page, "Paper boats").getByRole("button", { name: "Paper boats", exact: true }).click();
    await ana.page.getByRole("textbox", { name: "Title" }).fill("Forty paper boats");
    await ana.page.keyboard.press("Enter");
    await expect.poll(() => cardsIn(bo.page, "Tied up"), soon).toContain("Forty paper boats");
    await bo.page.getByRole("button", { name: "Colour of Forty paper boats: No colour" }).click();
    await bo.page.getByRole("button", { name: "Amber", exact: true }).click();
    await expect.poll(() => cardOf(ana.page, "Forty paper boats").getAttribute("data-hue"), soon).toBe("amber");
    const lines = [
      "Bo coloured Forty paper boats in amber",
      "Ana Weaver renamed Paper boats to Forty paper boats",
      "Bo moved Paper boats to Tied up",
      "Ana Weaver added Paper boats to Ideas",
    ];
    await expect.poll(() => feedOf(ana.page, 4), soon).toEqual(lines);
    await expect.poll(() => feedOf(bo.page, 4), soon).toEqual(lines);
  });

  it("adds, renames, moves and removes columns", async () => {
    await ana.page.getByRole("button", { name: "Add a column" }).click();
    await ana.page.keyboard.type("Parked");
    await ana.page.keyboard.press("Enter");
    await expect.poll(async () => (await boardOf(bo.page)).at(-1), soon).toEqual(["Parked", []]);
    await columnOf(bo.page, "Parked").getByRole("button", { name: "Parked", exact: true }).click();
    await bo.page.keyboard.type("On hold");
    await bo.page.keyboard.press("Enter");
    await ana.page.getByRole("button", { name: "Actions for the column On hold" }).click();
    await ana.page.getByRole("button", { name: "Move left" }).click();
    const names = async (): Promise<string[]> => (await boardOf(bo.page)).map(([name]) => name);
    await expect.poll(names, soon).toEqual(["Ideas", "Up next", "In the works", "On hold", "Tied up"]);
    await ana.page.getByRole("button", { name: "Actions for the column On hold" }).click();
    await ana.page.getByRole("button", { name: "Remove" }).click();
    await expect.poll(names, soon).toEqual(["Ideas", "Up next", "In the works", "Tied up"]);
  });

  it("brings a removed card back as and where it was", async () => {
    const before = await boardOf(ana.page);
    await ana.page.getByRole("button", { name: "Actions for Shadow theatre for the small ones" }).click();
    await ana.page.getByRole("button", { name: "Remove" }).click();
    await expect.poll(() => cardsIn(bo.page, "Ideas"), soon).not.toContain("Shadow theatre for the small ones");
    await ana.page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => boardOf(bo.page), soon).toEqual(before);
    const card = cardOf(bo.page, "Shadow theatre for the small ones");
    await expect.poll(() => card.getAttribute("data-hue"), soon).toBe("wisteria");
  });

  it("moves cards by keyboard alone, keeps the focus on them and says where they are", async () => {
    const title = ana.page.getByRole("button", { name: "Soup from the school kitchen", exact: true });
    await title.focus();
    await ana.page.keyboard.press("Alt+ArrowUp");
    await ana.page.keyboard.press("Alt+ArrowRight");
    await expect.poll(async () => (await cardsIn(bo.page, "Up next"))?.[2], soon).toBe("Soup from the school kitchen");
    const focused = () => ana.page.evaluate(() => document.activeElement?.textContent);
    await expect.poll(focused, soon).toBe("Soup from the school kitchen");
    const said = await ana.page.getByRole("status", { name: "Moves" }).textContent();
    expect(said).toBe("Soup from the school kitchen: Up next, place 3 of 5");
  });

  it("shows who is here, under which name, and which card they are editing", async () => {
    await expect.poll(() => othersOf(ana.page), soon).toEqual(["Bo"]);
    await expect.poll(() => othersOf(bo.page), soon).toEqual(["Ana Weaver"]);
    await bo.page.getByRole("button", { name: "Poster, second draft", exact: true }).click();
    const card = cardOf(ana.page, "Poster, second draft");
    await expect.poll(() => card.innerText(), soon).toContain("Bo is editing");
    await bo.page.keyboard.press("Escape");
    await expect.poll(() => card.innerText(), soon).not.toContain("is editing");
    const third = await stage.visit();
    await expect.poll(async () => (await othersOf(ana.page)).length, soon).toBe(2);
    await third.leave();
    await expect.poll(() => othersOf(ana.page), soon).toEqual(["Bo"]);
  });

  it("makes a second tab of one browser another person, and one that comes back the same", async () => {
    const tab = await ana.page.context().newPage();
    await tab.goto(stage.demo.url);
    await expect.poll(async () => (await othersOf(bo.page)).length, soon).toBe(2);
    const name = await tab.locator(".self-name").innerText();
    expect(name).not.toBe("Ana Weaver");
    await tab.close();
    await ana.page.reload();
    await expect.poll(() => ana.page.locator(".self-name").innerText(), soon).toBe("Ana Weaver");
    await expect.poll(() => othersOf(bo.page), soon).toEqual(["Ana Weaver"]);
    await expect.poll(() => linkText(ana.page), soon).toBe("Live");
  });
});
