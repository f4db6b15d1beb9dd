import { type Browser, type BrowserContextOptions, chromium, type LaunchOptions, type Page } from "playwright-core";
import { findChromium, howToGetChromium } from "./find-chromium.js";

/** Starts a Chromium without a window. */
export function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(`There is no browser to test with: ${howToGetChromium}.`);
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-background-networking"],
    ...options,
  });
}

/** A page of a person of their own: a browser context shares nothing with another. */
export interface Visitor {
  readonly page: Page;
  /** Errors that the page threw or logged, but for connections that found no server. */
  readonly errors: readonly string[];
  leave(): Promise<void>;
}

/** Opens the board as a new person. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 860 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    // Reset instead of refused: it was asked at the very moment it went.
    const isRefusal = /ERR_CONNECTION_(REFUSED|RESET)/.test(message.text());
    if (message.type() === "error" && !isRefusal) errors.push(message.text());
  });
  await page.goto(url);
  await page.locator("[data-card-id]").first().waitFor();
  return { page, errors, leave: () => context.close() };
}
