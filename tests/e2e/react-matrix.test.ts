import { eventually } from "@musubi/testing";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cell, type MatrixCell } from "../react/support/matrix-cell.js";
import { isWritingPage, MatrixRecord } from "../react/support/matrix-record.js";
import { type ServerKind, WireServer } from "../react/support/wire-server.js";
import { launchBrowser } from "./support/browser.js";
import { type HotMatrixApp, type MatrixApp, serveHotMatrixApp, serveMatrixApp } from "./support/matrix-app.js";
import { TcpProxy } from "./support/tcp-proxy.js";
import { WireEndpoint } from "./support/wire-endpoint.js";

/** The hooks, and the files of the app with their components. */
const HOOKS = [
  ["useMusubiRoot", "room.tsx"],
  ["useMusubiRootSuspense", "suspending-room.tsx"],
] as const;
const KINDS: readonly ServerKind[] = ["plain", "resume"];
/** Milliseconds that are more than the provider's grace, which is 50 in this app. */
const AFTER_GRACE_MS = 150;

interface BrowserRow {
  readonly name: string;
  /** Whether the page is connected to Vite, as it is to be edited. */
  readonly isHot: boolean;
  /** What else the page is asked for with: `heartbeat` is its interval in ms, `createSocket` which socket it has. */
  readonly query?: string;
  readonly run: (stage: BrowserStage) => Promise<void>;
  readonly expected: (hook: Hook, kind: ServerKind) => MatrixCell;
}

/** A page of the app, and the server that counts for it. */
interface BrowserStage {
  readonly page: Page;
  /** Where the app is. */
  readonly url: string;
  /** Changes the file of the component that reads the root. */
  readonly edit: (change: (text: string) => string) => void;
  readonly endpoint: WireEndpoint;
  /** What lies between the page and the endpoint. */
  readonly network: TcpProxy;
  readonly shows: (text: string) => Promise<void>;
}

type Hook = (typeof HOOKS)[number][0];

/**
 * What a lost connection costs on top of a first load and a click: to the hook that suspends, the change alone. What
 * `useMusubiRoot` returns says that it is stale, being fetched, and live, which a resumed root is with the reply: what
 * it missed is a message of its own.
 */
const afterLoss = (hook: Hook, isResumed: boolean): MatrixCell => {
  const renders = hook === "useMusubiRootSuspense" ? 4 : isResumed ? 7 : 6;
  return cell({ mounts: 2, resumed: isResumed ? 1 : 0, renders });
};
const again = (hook: Hook, kind: ServerKind): MatrixCell => afterLoss(hook, kind === "resume");

const ROWS: readonly BrowserRow[] = [
  {
    name: "fast refresh, an edited text",
    isHot: true,
    run: async ({ edit, endpoint, shows }) => {
      edit((text) => text.replace("first", "second"));
      await shows("room a, second edition, 1 clicks");
      await passGrace();
      endpoint.server.setTitle("a", "newer");
      await shows("newer, second edition, 1 clicks");
      expect(endpoint.server.joins).toBe(1);
    },
    expected: () => cell({ renders: 5 }),
  },
  {
    name: "fast refresh, another hook: the component is made anew",
    isHot: true,
    run: async ({ edit, endpoint, shows }) => {
      edit((text) => text.replace("// A hook may come here.", "useState(1);"));
      await shows("room a, first edition, 0 clicks");
      await passGrace();
      endpoint.server.setTitle("a", "newer");
      await shows("newer, first edition, 0 clicks");
      expect(endpoint.server.joins).toBe(1);
    },
    expected: () => cell({ renders: 5 }),
  },
  {
    name: "bfcache: another page and back, with a change meanwhile",
    isHot: false,
    run: async ({ page, url, endpoint, shows }) => {
      await page.goto(`${url}/away.html`);
      await eventually(() => endpoint.server.connections === 0, "the end of the connection", 10_000);
      endpoint.server.setTitle("a", "newer");
      await page.evaluate(() => history.back());
      await shows("newer, first edition, 1 clicks");
      expect(await page.evaluate(() => window.counts.wasCached), "pageshow.persisted").toBe(true);
    },
    expected: again,
  },
  {
    name: "connection reset (TCP), with a change before the next one",
    isHot: false,
    run: async ({ endpoint, network, shows }) => {
      network.reset();
      endpoint.server.setTitle("a", "newer");
      await shows("newer, first edition, 1 clicks");
    },
    expected: again,
  },
  {
    name: "connection reset, new ones refused for a while, with a change meanwhile",
    isHot: false,
    run: async ({ endpoint, network, shows }) => {
      network.close();
      await eventually(() => endpoint.server.connections === 0, "the end of the connection", 10_000);
      endpoint.server.setTitle("a", "newer");
      await passGrace();
      await network.listen();
      await shows("newer, first edition, 1 clicks");
    },
    expected: again,
  },
  {
    name: "connection half-open, found out by a heartbeat, with a change meanwhile",
    isHot: false,
    query: "&heartbeat=1500",
    run: async ({ endpoint, network, shows }) => {
      network.silence();
      endpoint.server.setTitle("a", "newer");
      await shows("newer, first edition, 1 clicks");
      expect(endpoint.server.connections, "the server has not found out").toBe(2);
    },
    expected: again,
  },
  {
    name: "offline, then online with a dead socket, found out by `createSocket`'s probe, with a change meanwhile",
    isHot: false,
    query: "&createSocket",
    run: async ({ page, endpoint, network, shows }) => {
      // The page is told that it is offline, and its WebSocket stays open.
      await page.context().setOffline(true);
      network.silence();
      endpoint.server.setTitle("a", "newer");
      await passGrace();
      expect(await page.evaluate(() => navigator.onLine)).toBe(false);
      expect(endpoint.server.connections).toBe(1);
      await page.context().setOffline(false);
      await shows("newer, first edition, 1 clicks");
      expect(endpoint.server.connections, "the server has not found out").toBe(2);
    },
    expected: again,
  },
  {
    name: "server restart on the same port, with a change meanwhile",
    isHot: false,
    run: async ({ endpoint, shows }) => {
      await endpoint.close();
      endpoint.server.stop();
      endpoint.server.setTitle("a", "newer");
      await passGrace();
      endpoint.server.comeBack();
      await endpoint.listen();
      await shows("newer, first edition, 1 clicks");
    },
    expected: (hook) => afterLoss(hook, false),
  },
];

const record = new MatrixRecord();
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
});
afterAll(async () => {
  await browser.close();
  record.save("chromium");
});

describe.each(["18.3", "19.3"] as const)("react.md 1: React %s", (version) => {
  let hot: HotMatrixApp;
  let cold: MatrixApp;

  beforeAll(async () => {
    hot = await serveHotMatrixApp(version);
    cold = await serveMatrixApp(version);
  });
  afterAll(async () => {
    await hot.close();
    await cold.close();
  });

  const define = (row: BrowserRow, [hook, file]: (typeof HOOKS)[number], kind: ServerKind): void => {
    const expected = row.expected(hook, kind);
    const table = `${hook} in Chromium`;
    record.expect(table, row.name, kind, expected);

    test(`${hook}, ${kind} server: ${row.name}`, async () => {
      const edit = (change: (text: string) => string): void => hot.edit(file, change);
      // As the row before left it.
      if (row.isHot) await hot.restore(file);
      const { seen, react } = await measure(row, { url: (row.isHot ? hot : cold).url, edit, hook, kind });
      expect(react.startsWith(`${version}.`)).toBe(true);
      record.saw(table, row.name, kind, version, seen);
      expect(seen).toEqual(expected);
    });
  };
  const defineAll = (rows: readonly BrowserRow[]): void => {
    for (const hook of HOOKS) for (const kind of KINDS) for (const row of rows) define(row, hook, kind);
  };

  // An edit is seen by all pages; the other rows have each a server of their own, and mostly wait.
  describe("edited", () => defineAll(ROWS.filter(({ isHot }) => isHot)));
  describe.concurrent("not edited", () => defineAll(ROWS.filter(({ isHot }) => !isHot)));
});

if (!isWritingPage) test("docs/react-matrix.md says what was seen in Chromium", () => record.checkPage());

interface Subject extends Pick<BrowserStage, "url" | "edit"> {
  readonly hook: string;
  readonly kind: ServerKind;
}

/** Opens the page, clicks once so that it has state of its own, runs the row, and leaves the root. */
async function measure(
  row: BrowserRow,
  { url, edit, hook, kind }: Subject,
): Promise<{ readonly seen: MatrixCell; readonly react: string }> {
  const endpoint = new WireEndpoint(new WireServer(kind));
  await endpoint.listen();
  const network = new TcpProxy(endpoint.port);
  await network.listen();
  const page = await browser.newPage();
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  const shows = (text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();
  try {
    await page.goto(`${url}/?port=${network.port}&hook=${hook}${row.query ?? ""}`);
    await page.getByText("room a, first edition, 0 clicks").click();
    await shows("room a, first edition, 1 clicks");
    await row.run({ page, url, edit, endpoint, network, shows });
    await page.getByText("leave").click();
    await eventually(() => endpoint.server.roots.length === 0, "the end of the root", 10_000).catch(() => {});
    const { react, fallbacks, renders } = await page.evaluate(() => window.counts);
    expect(errors).toEqual([]);
    const seen = { ...endpoint.server.counts, fallbacks, renders, leaked: endpoint.server.roots.length };
    return { seen, react };
  } finally {
    await page.close();
    network.close();
    await endpoint.close();
  }
}

/** Lets the page's own grace pass: an unmount that it leads to would be on the wire. */
function passGrace(): Promise<void> {
  return new Promise((end) => setTimeout(end, AFTER_GRACE_MS));
}
