// Builds the demo when its sources have changed since the last build: the server with `tsc -b`, the page with Vite.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesUnder, hashOf, isStamped, stamp } from "./stamp.mjs";
import { root, run, seconds } from "./workspace.mjs";

const demo = join(root, "packages/demo");
const page = join(demo, "dist/page/index.html");
const stampPath = join(root, ".cache/demo-build");

/** The module that starts the demo's server. */
export const demoServer = join(demo, "dist/server/main.js");

const made = new Set(["node_modules", "dist", "data", "coverage"]);
const isTest = (/** @type {string} */ name) => /\.test(-d)?\./.test(name);

/** A hash over all that a build of the demo reads; tests are no part of it. */
export function demoSourcesHash(base = root) {
  const sources = filesUnder(
    join(base, "packages"),
    (name) => !isTest(name) && !/\.(md|tsbuildinfo)$/.test(name),
    (name) => !made.has(name),
  );
  return hashOf(base, [join(base, "pnpm-lock.yaml"), join(base, "tsconfig.base.json"), ...sources]);
}

/**
 * Builds the demo if needed and resolves with whether it is there to be run.
 * @returns {Promise<boolean>}
 */
export async function ensureDemoBuilt() {
  const hash = demoSourcesHash();
  if (existsSync(demoServer) && existsSync(page) && isStamped(stampPath, hash)) return true;
  console.log("Building the demo, since its sources have changed (about 5 seconds) ...");
  const started = Date.now();
  const server = await run("tsc", ["-b", "packages/demo"]);
  if (server.code !== 0) return false;
  const client = await run("vite", ["build", "--logLevel", "warn"], { cwd: demo });
  if (client.code !== 0) return false;
  for (const path of [demoServer, page]) {
    if (existsSync(path)) continue;
    console.error(`The build ended well but left no ${path}.`);
    return false;
  }
  stamp(stampPath, hash);
  console.log(`Built in ${seconds(Date.now() - started)}.`);
  return true;
}
