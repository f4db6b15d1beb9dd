import type { Browser, BrowserContextOptions, Page, WebSocketRoute } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addCard, cardOf, linkText } from "./support/board-page.js";
import { launchBrowser, visit } from "./support/browser.js";
import { bringCrowd } from "./support/crowd.js";
import { createDataFolder, type DemoProcess, startDemo } from "./support/demo-process.js";
import { type Finding, findingsOf } from "./support/findings.js";

const CROWD = ["Hana Mori", "Bo", "Chidi", "Dana", "Ed", "Fay", "Gus"];
const still = { reducedMotion: "reduce" } as const;

let browser: Browser;
let data: ReturnType<typeof createDataFolder>;
let demo: DemoProcess;

beforeAll(async () => {
  browser = await launchBrowser();
  data = createDataFolder();
  demo = await startDemo(data.path);
});

afterAll(async () => {
  await demo.stop();
  data.remove();
  await browser.close();
});

/** Serious and critical ones; the rest is told, and is for people to weigh. */
function expectNone(findings: readonly Finding[]): void {
  const grave = ({ impact }: Finding): boolean => impact === "serious" || impact === "critical";
  for (const finding of findings.filter((one) => !grave(one))) console.log("axe:", JSON.stringify(finding));
  expect(findings.filter(grave)).toEqual([]);
}

/** A state of the page, and how to be back at the board after it. */
interface PageState {
  readonly name: string;
  readonly enter: (page: Page) => Promise<unknown>;
  /** Default: the Escape key. */
  readonly leave?: (page: Page) => Promise<unknown>;
  /** Default: on all. */
  readonly on?: "desktop" | "phone";
}

const press = (name: string) => (page: Page) => page.getByRole("button", { name, exact: true }).click();
const stay = async (): Promise<void> => {};
const LANTERNS = "Lantern workshop at the library";

const STATES: readonly PageState[] = [
  { name: "the board, with guests", enter: (page) => page.getByText("+2").waitFor({ state: "attached" }), leave: stay },
  { name: "a card being edited", enter: press(LANTERNS) },
  { name: "a card's menu", enter: press("Actions for Agree on a rain date") },
  { name: "a card's colours", enter: press("Colour of Order 400 sheets of washi paper: Amber") },
  { name: "a column being renamed", enter: press("Ideas") },
  { name: "a column's menu", enter: press("Actions for the column Ideas") },
  {
    name: "a new card being written",
    enter: (page) => page.getByRole("region", { name: "Ideas" }).getByRole("button", { name: "Add a card" }).click(),
  },
  { name: "a new column being named", enter: press("Add a column") },
  {
    name: "an empty column",
    enter: async (page) => {
      await page.getByRole("button", { name: "Add a column" }).click();
      await page.keyboard.type("Parked");
      await page.keyboard.press("Enter");
      await page.getByText("Nothing tied here yet.").waitFor();
    },
    leave: async (page) => {
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Actions for the column Parked" }).click();
      await page.getByRole("button", { name: "Remove", exact: true }).click();
    },
  },
  { name: "the own name tag", enter: (page) => page.locator(".self-button").click() },
  {
    name: "a card removed, with an offer to undo that",
    enter: async (page) => {
      await page.getByRole("button", { name: "Actions for Shadow theatre for the small ones" }).click();
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.getByRole("button", { name: "Undo" }).waitFor();
    },
    leave: press("Undo"),
  },
  {
    name: "a card being dragged",
    on: "desktop",
    enter: async (page) => {
      await cardOf(page, LANTERNS).hover({ position: { x: 120, y: 16 } });
      await page.mouse.down();
      await page.mouse.move(600, 300, { steps: 4 });
      await page.locator(".drag-ghost").waitFor();
    },
    leave: async (page) => {
      await page.keyboard.press("Escape");
      await page.mouse.up();
    },
  },
  {
    name: "a card's files",
    enter: async (page) => {
      await page.getByRole("button", { name: "Actions for Poster, second draft" }).click();
      await page.getByRole("button", { name: "Files", exact: true }).click();
      await page
        .getByLabel("Choose files")
        .setInputFiles([{ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") }]);
      await page.getByRole("link", { name: "a.txt" }).first().waitFor();
    },
  },
  {
    name: "the insights",
    enter: async (page) => {
      await press("Insights")(page);
      await page.getByText("By whom").waitFor();
    },
    leave: (page) =>
      page
        .getByRole("button", { name: /^(Activity|Board)$/ })
        .first()
        .click(),
  },
  { name: "the activity", on: "phone", enter: press("Activity"), leave: press("Board") },
];

describe.each<["desktop" | "phone", BrowserContextOptions]>([
  ["desktop", still],
  ["phone", { ...still, viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true }],
])("on a %s, in light and dark, axe-core finds nothing serious", (size, options) => {
  it("in the board and all that opens from it", async () => {
    const dismiss = await bringCrowd(demo.port, CROWD, ["next3"]);
    const visitor = await visit(browser, demo.url, options);
    const { page } = visitor;
    const findings: Finding[] = [];
    for (const { name, on = size, enter, leave } of STATES) {
      if (on !== size) continue;
      await enter(page);
      findings.push(...(await findingsOf(page, name)));
      if (leave === undefined) await page.keyboard.press("Escape");
      else await leave(page);
    }
    expect(visitor.errors).toEqual([]);
    await visitor.leave();
    dismiss();
    expectNone(findings);
  });

  it("in what is shown without a server: first load, refusals, outages with edits that wait", async () => {
    const findings: Finding[] = [];
    const look = async (state: string, route: (socket: WebSocketRoute) => void, sight: string): Promise<void> => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 860 }, ...options });
      const page = await context.newPage();
      await page.routeWebSocket(/\/socket/, route);
      await page.goto(demo.url);
      await page.getByText(sight, { exact: true }).waitFor();
      findings.push(...(await findingsOf(page, state)));
      await context.close();
    };
    await look("the first load", () => {}, "Connecting");
    await look("a refused connection", (socket) => refuse(socket, "phx_join"), "Not connected");
    await look("a refused board", (socket) => refuse(socket, "mount"), "The board did not open");

    const visitor = await visit(browser, demo.url, options);
    const { page } = visitor;
    const { port } = demo;
    await demo.kill();
    await expect.poll(() => linkText(page)).toBe("Reconnecting");
    await addCard(page, "Ideas", "Written without a server");
    await page.keyboard.press("Escape");
    await page.getByText("Not sent yet").waitFor({ state: "attached" });
    findings.push(...(await findingsOf(page, "an outage")));
    await page.context().setOffline(true);
    await expect.poll(() => linkText(page)).toBe("Offline");
    findings.push(...(await findingsOf(page, "offline")));
    await page.context().setOffline(false);
    demo = await startDemo(data.path, port);
    await expect.poll(() => linkText(page)).toBe("Live");
    await visitor.leave();
    expectNone(findings);
  });
});

/** Answers each message of an event with an error, and lets the server have all others. */
function refuse(socket: WebSocketRoute, refused: string): void {
  const server = socket.connectToServer();
  socket.onMessage((text) => {
    const [joinRef, ref, topic, event] = JSON.parse(String(text)) as string[];
    if (event !== refused) return server.send(text);
    const reply = { status: "error", response: { reason: "not_allowed" } };
    socket.send(JSON.stringify([joinRef, ref, topic, "phx_reply", reply]));
  });
}
