import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { JSDOM } from "jsdom";
import { chromium } from "playwright-core";
import type { BenchPage, CaseName, SubjectName } from "./page.js";

/** Something that pages run in. */
export interface Host {
  readonly name: string;
  /** A new page with the script. */
  open(): Promise<BenchPage>;
  closeAll(): Promise<void>;
  close(): Promise<void>;
}

const FIND_CHROMIUM = new URL("../../../../scripts/find-chromium.mjs", import.meta.url).href;

/** Chromium when there is one, else jsdom. */
export async function openHost(script: string): Promise<Host> {
  const { findChromium } = (await import(FIND_CHROMIUM)) as { findChromium: () => string | undefined };
  const executablePath = findChromium();
  return executablePath === undefined ? openJsdom(script) : openChromium(script, executablePath);
}

async function openChromium(script: string, executablePath: string): Promise<Host> {
  const server = createServer((request, response) => {
    // Isolated pages have a clock of 5 microseconds; others one of 100.
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const isScript = request.url === "/page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<!doctype html><body><script src="/page.js"></script>');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-background-networking"],
  });
  return {
    name: `Chromium ${browser.version()}`,
    open: async () => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(url);
      return {
        begin: (...args) =>
          page.evaluate((given: readonly [SubjectName, CaseName, number]) => window.bench.begin(...given), args),
        run: (count) => page.evaluate((given: number) => window.bench.run(given), count),
      };
    },
    closeAll: async () => {
      for (const context of browser.contexts()) await context.close();
    },
    close: async () => {
      await browser.close();
      server.close();
    },
  };
}

function openJsdom(script: string): Host {
  const pages: JSDOM[] = [];
  const closeAll = async (): Promise<void> => {
    for (const page of pages.splice(0)) page.window.close();
  };
  return {
    name: "jsdom, for want of a browser",
    open: async () => {
      // With an origin: phoenix.js looks into the session storage.
      const page = new JSDOM("<!doctype html><body></body>", {
        url: "http://localhost/",
        runScripts: "outside-only",
        pretendToBeVisual: true,
      });
      pages.push(page);
      page.window.eval(script);
      return (page.window as unknown as Window).bench;
    },
    closeAll,
    close: closeAll,
  };
}
