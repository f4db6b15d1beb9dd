import { once } from "node:events";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { createServer, type InlineConfig, type Plugin, type ViteDevServer } from "vite";

const TESTS = resolve(import.meta.dirname, "../..");
const PACKAGES = `${resolve(TESTS, "../packages")}/**`;
const SOURCE = `${TESTS}/e2e/matrix-app`;

/** The app of tests/e2e/matrix-app on one version of React, in a development build: React's Profiler works there only. */
export interface MatrixApp {
  readonly url: string;
  close(): Promise<void>;
}

/** The app whose pages are connected to Vite. */
export interface HotMatrixApp extends MatrixApp {
  /** Changes a file of the app as an editor would. */
  edit(file: string, change: (text: string) => string): void;
  /** Puts a file back as it was; resolves once Vite has seen that, so that the next page is not told of it. */
  restore(file: string): Promise<void>;
}

/** A copy of the app to be served. React comes from the nearest node_modules above it: 18.3 in tests/react18. */
function copyApp(version: "18.3" | "19.3", name: string): InlineConfig & { readonly root: string } {
  const root = `${TESTS}/${version === "18.3" ? "react18/" : ""}.generated/matrix-app-${name}`;
  rmSync(root, { recursive: true, force: true });
  cpSync(SOURCE, root, { recursive: true });
  return {
    configFile: false,
    root,
    mode: "development",
    logLevel: "warn",
    plugins: [react()],
    resolve: {
      conditions: ["@musubi/source", "module", "browser", "import", "default"],
      dedupe: ["react", "react-dom", "use-sync-external-store"],
    },
  };
}

/** Takes Vite's client out of the page: one that is connected to Vite cannot go into the back/forward cache. */
const withoutClient: Plugin = {
  name: "without-client",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace(/<script type="module" src="\/@vite\/client"><\/script>/, ""),
  },
};

/** Serves the app by Vite's dev server to many pages, which have no connection to it. */
export async function serveMatrixApp(version: "18.3" | "19.3"): Promise<MatrixApp> {
  const config = copyApp(version, "cold");
  const server = await serve({ ...config, plugins: [react(), withoutClient], server: { hmr: false, ws: false } });
  return { url: urlOf(server.httpServer), close: () => server.close() };
}

/** Serves the app by Vite's dev server to pages that are told of edits. */
export async function serveHotMatrixApp(version: "18.3" | "19.3"): Promise<HotMatrixApp> {
  const config = copyApp(version, "hot");
  const { root } = config;
  const server = await serve(config);
  return {
    url: urlOf(server.httpServer),
    edit: (file, change) => writeFileSync(`${root}/${file}`, change(readFileSync(`${root}/${file}`, "utf8"))),
    restore: async (file) => {
      const [text, before] = [SOURCE, root].map((place) => readFileSync(`${place}/${file}`, "utf8"));
      if (text === undefined || text === before) return;
      const change = once(server.watcher, "change");
      writeFileSync(`${root}/${file}`, text);
      await change;
    },
    close: () => server.close(),
  };
}

async function serve(config: InlineConfig & { readonly root: string }): Promise<ViteDevServer> {
  const server = await createServer({
    ...config,
    cacheDir: `${config.root}/.vite`,
    optimizeDeps: { include: ["react", "react-dom/client", "phoenix"] },
    // An edit of a package meanwhile would reload the pages.
    server: { host: "127.0.0.1", port: 0, fs: { strict: false }, watch: { ignored: [PACKAGES] }, ...config.server },
  });
  await server.listen();
  return server;
}

function urlOf(server: ViteDevServer["httpServer"]): string {
  const address = server?.address() as AddressInfo | undefined;
  return `http://127.0.0.1:${address?.port}`;
}
