import { once } from "node:events";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { createServer, type Plugin, type ViteDevServer } from "vite";

const TESTS = resolve(import.meta.dirname, "../..");

/** Takes Vite's client out of the page. */
const withoutClient: Plugin = {
  name: "without-client",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace(/<script type="module" src="\/@vite\/client"><\/script>/, ""),
  },
};

/** The app of tests/e2e/matrix-app, served by Vite's dev server on one version of React. */
export interface MatrixApp {
  readonly url: string;
  /** Changes a file of the app as an editor would. */
  edit(file: string, change: (text: string) => string): void;
  /** Puts a file back as it was; resolves once Vite has seen that, so that the next page is not told of it. */
  restore(file: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves a copy of the app. React comes from the nearest node_modules above it: 18.3 in tests/react18. Without
 * `hasSocket` the page has no connection to Vite, as a built one: one that has cannot go into the back/forward cache.
 */
export async function serveMatrixApp(version: "18.3" | "19.3", hasSocket: boolean): Promise<MatrixApp> {
  const folder = `${TESTS}/${version === "18.3" ? "react18/" : ""}.generated/matrix-app-${hasSocket ? "hot" : "cold"}`;
  const source = `${TESTS}/e2e/matrix-app`;
  rmSync(folder, { recursive: true, force: true });
  cpSync(source, folder, { recursive: true });
  const server: ViteDevServer = await createServer({
    configFile: false,
    root: folder,
    cacheDir: `${folder}/.vite`,
    logLevel: "warn",
    plugins: hasSocket ? [react()] : [react(), withoutClient],
    resolve: {
      conditions: ["@musubi/source", "module", "browser", "import", "default"],
      dedupe: ["react", "react-dom", "use-sync-external-store"],
    },
    optimizeDeps: { include: ["react", "react-dom/client", "phoenix"] },
    server: { host: "127.0.0.1", port: 0, fs: { strict: false }, ...(hasSocket ? {} : { hmr: false, ws: false }) },
  });
  await server.listen();
  const address = server.httpServer?.address() as AddressInfo | undefined;
  return {
    url: `http://127.0.0.1:${address?.port}`,
    edit: (file, change) => writeFileSync(`${folder}/${file}`, change(readFileSync(`${folder}/${file}`, "utf8"))),
    restore: async (file) => {
      const [text, before] = [source, folder].map((place) => readFileSync(`${place}/${file}`, "utf8"));
      if (text === undefined || text === before) return;
      const change = once(server.watcher, "change");
      writeFileSync(`${folder}/${file}`, text);
      await change;
    },
    close: () => server.close(),
  };
}
