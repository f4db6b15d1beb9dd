import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../interop/support/free-port.js";
import { launchBrowser } from "./support/browser.js";
import { type AppProcess, createNewcomerApp, type NewcomerApp } from "./support/newcomer-app.js";

// docs/react.md as somebody follows it who has nothing but the guide: its files in an empty folder, the packages as npm
// would deliver them, and a browser.

let browser: Browser;
let app: NewcomerApp;

beforeAll(async () => {
  [browser, app] = await Promise.all([launchBrowser(), createNewcomerApp()]);
}, 300_000);

afterEach(() => app.stop());

afterAll(async () => {
  await browser?.close();
  app?.remove();
});

/** The guide's two terminals: `npm run server`, and `npm run dev`. */
async function startBoth(): Promise<{ url: string; port: string; server: AppProcess }> {
  const [port, pagePort] = [String(await freePort()), String(await freePort())];
  const server = await app.start("server", /Stores are on port/, { PORT: port });
  await app.start("dev", /ready in/, { PORT: port }, ["--port", pagePort, "--strictPort"]);
  return { url: `http://localhost:${pagePort}/`, port, server };
}

interface Tab {
  readonly page: Page;
  /** Warnings and errors, but for sockets that could not connect. */
  readonly complaints: string[];
  /** How many of its sockets to the stores have closed. */
  drops: number;
}

async function openTab(url: string): Promise<Tab> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  const tab = { page, complaints, drops: 0 };
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    if (["warning", "error"].includes(message.type()) && !isRefusedSocket(text)) complaints.push(text);
  });
  page.on("websocket", (socket) => {
    if (socket.url().includes("/socket/")) socket.on("close", () => tab.drops++);
  });
  await page.goto(url);
  return tab;
}

/** What Chromium logs by itself for each attempt while a server is down. */
const isRefusedSocket = (text: string): boolean => /^WebSocket connection to .* failed/.test(text);

describe("docs/react.md, followed by a newcomer", () => {
  test("the first chapter: state, a command, a second tab, a server that restarts", async () => {
    app.write("Mounting:");
    const { url, port, server } = await startBoth();
    const [one, two] = await Promise.all([openTab(url), openTab(url)]);
    const button = one.page.getByRole("button");
    const other = two.page.getByRole("button");
    await other.filter({ hasText: "Clicked 0 times" }).waitFor();

    await button.click();
    await other.filter({ hasText: "Clicked 1 times" }).waitFor();
    await other.click();
    await button.filter({ hasText: "Clicked 2 times" }).waitFor();

    const { drops } = one;
    await server.kill();
    await expect.poll(() => one.drops).toBeGreaterThan(drops);
    await button.click();
    expect(await button.textContent()).toBe("Clicked 2 times");
    await app.start("server", /Stores are on port/, { PORT: port });
    // The count begins anew, and the click that waited is the first.
    await button.filter({ hasText: "Clicked 1 times" }).waitFor();
    await other.filter({ hasText: "Clicked 1 times" }).waitFor();
    expect([one.complaints, two.complaints]).toEqual([[], []]);
  });

  test("the first chapter: what is misspelt does not compile", async () => {
    app.write("Mounting:");
    await app.run("check");
    app.edit("src/counter.tsx", "by: 1", 'by: "1"');
    app.edit(
      "src/app.tsx",
      "export",
      'import { useMusubiRoot } from "./musubi.ts";\nexport const useWrong = () => useMusubiRoot({ module: "Countre", id: "main" });\nexport',
    );
    const said = await app.run("check").then(String, String);
    expect(said).toMatch(/counter\.tsx.*'string' is not assignable to type 'number'/);
    expect(said).toMatch(/app\.tsx.*'"Countre"' is not assignable to type '"Counter"'/);
  });

  test("the whole guide type-checks with skipLibCheck: false, builds, and its tests pass", async () => {
    app.write();
    expect(await app.run("check")).not.toContain("error");
    expect(await app.run("build")).toContain("built in");
    expect(await app.run("test")).toMatch(/Tests .*1 passed/);
  });

  test("the whole page: rows, commands, streams, events, a switch of roots, async values, uploads, an outage", async () => {
    app.write();
    const { url, port, server } = await startBoth();
    const one = await openTab(url);
    const two = await openTab(url);
    const { page } = one;
    await page.getByLabel("Water the plants").check();
    await expect.poll(() => two.page.getByLabel("Water the plants").isChecked()).toBe(true);
    await page.getByRole("listitem").getByText("toggled Water the plants").waitFor();

    await page.getByLabel("New title").fill("Musubi");
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByText("That title is taken.").waitFor();
    await page.getByLabel("New title").fill("Today");
    await page.getByRole("button", { name: "Rename" }).click();
    await two.page.getByRole("heading", { name: "Today" }).waitFor();

    await page.getByRole("button", { name: "nowhere" }).click();
    await page.getByRole("alert").getByText("no_such_list").waitFor();
    await page.getByRole("heading", { name: "Today" }).waitFor();
    await page.getByRole("button", { name: "work" }).click();
    await page.getByRole("heading", { name: "Work" }).waitFor();

    await page.getByText("4000 stars tonight").waitFor();
    await page.getByRole("button", { name: "Count in bad weather" }).click();
    await page.getByText("4000 stars, and now it is cloudy").waitFor();

    const file = (name: string) => ({ name, mimeType: "text/plain", buffer: Buffer.from(`what ${name} says`) });
    await page.getByLabel("Notes").setInputFiles([file("a.txt"), file("b.pdf")]);
    await page.getByText("b.pdf: ").waitFor();
    await page.getByText("a.txt: pending").waitFor();
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Kept: what a.txt says").waitFor();
    await expect.poll(() => page.getByText("a.txt: ").count()).toBe(0);

    await server.kill();
    await page.getByText("Offline since").waitFor();
    await page.getByRole("heading", { name: "Work" }).waitFor();
    await app.start("server", /Stores are on port/, { PORT: port });
    await expect.poll(() => page.getByText("Offline since").count()).toBe(0);
    await page.getByLabel("Write a test").check();
    await page.getByText("toggled Write a test").first().waitFor();
    expect([one.complaints, two.complaints]).toEqual([[], []]);
  });

  test("what a server component calls needs no React", async () => {
    app.write();
    await app.load("load.ts", "react-server");
  });

  test.each(["production", "development"])("the server's chapter, with React for %s", async (NODE_ENV) => {
    app.write();
    await app.run("build", { NODE_ENV });
    const port = String(await freePort());
    const server = await app.start("ssr", /Stores are on port/, { PORT: port, NODE_ENV });
    const url = `http://localhost:${port}/`;
    const html = await (await fetch(url)).text();
    expect(html).toContain("<h2>Home</h2>");
    expect(html).toContain('"title":"Home"');
    expect(html).toContain("4000<!-- --> stars tonight");
    expect(html).not.toContain("<h2>Work</h2>");

    const { page, complaints } = await openTab(url);
    await page.getByRole("heading", { name: "Work" }).waitFor();
    await page.getByRole("button", { name: "Clicked" }).click();
    await page.getByRole("button", { name: "Clicked 1 times" }).waitFor();
    await page.getByText("4000 stars tonight").waitFor();
    await page
      .getByLabel("Notes")
      .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a note") });
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Kept: a note").waitFor();
    expect(complaints).toEqual([]);
    expect(server.output()).not.toMatch(/error/i);
  });
});
