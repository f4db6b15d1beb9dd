// Installs the workspace's dependencies when they are missing or other than the lockfile says.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashOf, isStamped, stamp } from "./stamp.mjs";
import { pnpm, pnpmVersion, root, seconds } from "./workspace.mjs";

/** The folders that have a package.json: the top, the packages and those of the tests. */
function projects(/** @type {string} */ base) {
  const packages = readdirSync(join(base, "packages")).map((name) => join(base, "packages", name));
  const tests = [join(base, "tests"), join(base, "tests/react18")];
  return [base, ...packages.sort(), ...tests].filter((path) => existsSync(join(path, "package.json")));
}

/** What an install depends on; native packages make the platform and Node's major version part of it. */
function installHash(/** @type {string} */ base) {
  const manifests = projects(base).map((path) => join(path, "package.json"));
  const files = [join(base, "pnpm-lock.yaml"), join(base, "pnpm-workspace.yaml"), ...manifests];
  const [major] = process.versions.node.split(".");
  return hashOf(base, files, [pnpmVersion, process.platform, process.arch, `node ${major}`]);
}

// Inside node_modules, so that it goes when node_modules goes.
const stampPath = (/** @type {string} */ base) => join(base, "node_modules/.musubi-install");

/**
 * Why an install is needed, in words, or undefined when what is there still holds.
 * @param {string} [base]
 */
export function installReason(base = root) {
  if (!existsSync(join(base, "node_modules/.modules.yaml"))) return "nothing is installed yet";
  for (const path of projects(base)) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    const needed = Object.keys(dependencies).length + Object.keys(devDependencies).length > 0;
    if (needed && !existsSync(join(path, "node_modules"))) return `${path.slice(base.length + 1)} has no node_modules`;
  }
  if (!isStamped(stampPath(base), installHash(base))) return "the lockfile or a package.json has changed";
  return undefined;
}

/**
 * Remembers that what is installed now is what the lockfile says.
 * @param {string} [base]
 */
export function recordInstall(base = root) {
  stamp(stampPath(base), installHash(base));
}

/** Installs if needed; ends the process when that fails. */
export async function ensureInstalled() {
  const reason = installReason();
  if (reason === undefined) return;
  console.log(`Installing dependencies with pnpm ${pnpmVersion}, since ${reason} (10 to 60 seconds) ...`);
  const started = Date.now();
  const { code } = await pnpm(["install", "--frozen-lockfile"]);
  if (code !== 0) {
    console.error("The install failed: see above. After editing a package.json the lockfile has to follow, which");
    console.error("an install by hand does: npm run pnpm -- install");
    process.exit(1);
  }
  recordInstall();
  console.log(`Installed in ${seconds(Date.now() - started)}.`);
}
