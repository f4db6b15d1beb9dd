import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { build } from "vite";

const TESTS = resolve(import.meta.dirname, "../..");

/** Builds tests/e2e/long-list-app for production; resolves with the folder of the page. */
export async function buildLongListApp(): Promise<string> {
  const root = `${TESTS}/e2e/long-list-app`;
  const outDir = `${TESTS}/.generated/long-list-app`;
  const environment = process.env["NODE_ENV"];
  // A test runner's would bring React's development build.
  process.env["NODE_ENV"] = "production";
  try {
    await build({
      configFile: false,
      root,
      logLevel: "warn",
      plugins: [react()],
      resolve: { conditions: ["@musubi/source", "module", "browser", "import", "default"] },
      build: { outDir, emptyOutDir: true, target: "es2022", sourcemap: true },
    });
  } finally {
    process.env["NODE_ENV"] = environment;
  }
  return outDir;
}
