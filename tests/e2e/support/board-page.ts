import type { Locator, Page } from "playwright-core";

/** The board as a page shows it: columns by name, with their cards' titles, top to bottom. */
export function boardOf(page: Page): Promise<[column: string, cards: string[]][]> {
  return page.evaluate(() =>
    Array.from(document.querySelectorAll("[data-column-id]"), (column): [string, string[]] => [
      column.querySelector(".column-heading")?.textContent ?? "",
      Array.from(column.querySelectorAll(".card-title"), (title) => title.textContent ?? ""),
    ]),
  );
}

/** The titles in one column. */
export async function cardsIn(page: Page, column: string): Promise<string[] | undefined> {
  return (await boardOf(page)).find(([title]) => title === column)?.[1];
}

/** What the connection's pill says. */
export function linkText(page: Page): Promise<string> {
  return page.getByRole("status", { name: "Connection" }).innerText();
}

/** A column by its name. */
export function columnOf(page: Page, name: string): Locator {
  return page.getByRole("region", { name });
}

/** A card by its title. */
export function cardOf(page: Page, title: string): Locator {
  return page.locator("[data-card-id]").filter({ has: page.getByRole("button", { name: title, exact: true }) });
}

/** Adds a card through the column's form, which stays open for the next. */
export async function addCard(page: Page, column: string, title: string): Promise<void> {
  const field = page.getByRole("textbox", { name: `New card in ${column}` });
  if (!(await field.isVisible())) await columnOf(page, column).getByRole("button", { name: "Add a card" }).click();
  await field.fill(title);
  await field.press("Enter");
}

/** Drags a card by mouse to just above another. */
export async function dragAbove(page: Page, title: string, target: string): Promise<void> {
  const from = await boxOf(cardOf(page, title));
  const to = await boxOf(cardOf(page, target));
  await page.mouse.move(from.x + 120, from.y + 16);
  await page.mouse.down();
  await page.mouse.move(from.x + 140, from.y + 26, { steps: 3 });
  await page.mouse.move(to.x + 120, to.y + 4, { steps: 8 });
  await page.mouse.up();
}

/** The latest lines of the activity feed, without their times. */
export function feedOf(page: Page, lines: number): Promise<string[]> {
  return page.evaluate(
    (count) => Array.from(document.querySelectorAll(".feed-line p"), (line) => line.textContent ?? "").slice(0, count),
    lines,
  );
}

/** The names of the others who are here, in the order of their names. */
export function othersOf(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    Array.from(document.querySelectorAll("[data-person]"), (item) => item.getAttribute("data-person") ?? "").sort(),
  );
}

/** Says who one is, through the name tag. */
export async function introduce(page: Page, name: string): Promise<void> {
  await page.locator(".self-button").click();
  await page.getByRole("textbox", { name: "Your name" }).fill(name);
  await page.getByRole("button", { name: "Save" }).click();
}

async function boxOf(locator: Locator): Promise<{ x: number; y: number }> {
  const box = await locator.boundingBox();
  if (box === null) throw new Error("There is nothing on the screen to take hold of.");
  return box;
}
