import { eventually } from "@musubi/testing";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cell, type MatrixCell } from "../react/support/matrix-cell.js";
import { isWritingPage, MatrixRecord } from "../react/support/matrix-record.js";
import { type ServerKind, WireServer } from "../react/support/wire-server.js";
import { launchBrowser } from "./support/browser.js";
import { type MatrixApp, serveMatrixApp } from "./support/matrix-app.js";
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
  readonly run: (stage: BrowserStage) => Promise<void>;
  readonly expected: (hook: Hook, kind: ServerKind) => MatrixCell;
}

/** A page of the app, and the server that counts for it. */
interface BrowserStage {
  readonly page: Page;
  readonly app: MatrixApp;
  /** Changes the file of the component that reads the root. */
  readonly edit: (change: (text: string) => string) => void;
  readonly endpoint: WireEndpoint;
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
    run: async ({ page, app, endpoint, shows }) => {
      await page.goto(`${app.url}/away.html`);
      await eventually(() => endpoint.server.connections === 0, "the end of the connection", 10_000);
      endpoint.server.setTitle("a", "newer");
      await page.evaluate(() => history.back());
      await shows("newer, first edition, 1 clicks");
      expect(await page.evaluate(() => window.counts.wasCached), "pageshow.persisted").toBe(true);
    },
    expected: again,
  },
  {
    name: "connections cut, with a change before the next one",
    isHot: false,
    run: async ({ endpoint, shows }) => {
      endpoint.server.drop();
      endpoint.server.setTitle("a", "newer");
      await passGrace();
      endpoint.server.comeBack();
      await shows("newer, first edition, 1 clicks");
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
  const apps: MatrixApp[] = [];

  beforeAll(async () => {
    for (const isHot of [true, false]) apps.push(await serveMatrixApp(version, isHot));
  });
  afterAll(async () => {
    for (const app of apps) await app.close();
  });

  describe.each(HOOKS)("%s", (hook, file) => {
    describe.each(KINDS)("%s server", (kind) => {
      for (const row of ROWS) {
        const expected = row.expected(hook, kind);
        const table = `${hook} in Chromium`;
        record.expect(table, row.name, kind, expected);

        test(row.name, async () => {
          const [hot, cold] = apps;
          const app = row.isHot ? hot : cold;
          if (app === undefined) throw new Error("the app is not served");
          const { seen, react } = await measure(row, app, { hook, file, kind });
          expect(react.startsWith(`${version}.`)).toBe(true);
          record.saw(table, row.name, kind, version, seen);
          expect(seen).toEqual(expected);
        });
      }
    });
  });
});

if (!isWritingPage) test("docs/react-matrix.md says what was seen in Chromium", () => record.checkPage());

interface Subject {
  readonly hook: string;
  readonly file: string;
  readonly kind: ServerKind;
}

/** Opens the page, clicks once so that it has state of its own, runs the row, and leaves the root. */
async function measure(
  row: BrowserRow,
  app: MatrixApp,
  { hook, file, kind }: Subject,
): Promise<{ readonly seen: MatrixCell; readonly react: string }> {
  const endpoint = new WireEndpoint(new WireServer(kind));
  await endpoint.listen();
  const page = await browser.newPage();
  const errors: unknown[] = [];
  page.on("pageerror", (error) => errors.push(error));
  const shows = (text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();
  try {
    await page.goto(`${app.url}/?port=${endpoint.port}&hook=${hook}`);
    await page.getByText("room a, first edition, 0 clicks").click();
    await shows("room a, first edition, 1 clicks");
    await row.run({ page, app, endpoint, shows, edit: (change) => app.edit(file, change) });
    await page.getByText("leave").click();
    await eventually(() => endpoint.server.roots.length === 0, "the end of the root", 10_000).catch(() => {});
    const { react, fallbacks, renders } = await page.evaluate(() => window.counts);
    expect(errors).toEqual([]);
    const seen = { ...endpoint.server.counts, fallbacks, renders, leaked: endpoint.server.roots.length };
    return { seen, react };
  } finally {
    await page.close();
    await endpoint.close();
    await app.restore(file);
  }
}

/** Lets the page's own grace pass: an unmount that it leads to would be on the wire. */
function passGrace(): Promise<void> {
  return new Promise((end) => setTimeout(end, AFTER_GRACE_MS));
}
