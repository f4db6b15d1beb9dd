// What every script needs to know about this repository: where it is, which Node it asks for, which pnpm it
// uses, and how a command is run. Plain Node without dependencies, since `npm start` and `npm test` run before
// anything is installed.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The one place that says which pnpm installs this workspace; it is fetched by npx when asked for. */
export const pnpmVersion = "12.21.0";

/** The top of the repository, with a slash at the end cut off. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/** Milliseconds as people read them: "0.4 s", "12 s", "2 min 5 s". */
export function seconds(/** @type {number} */ ms) {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Whether a Node version such as "20.20.2" is at least what `range` (">=20.19") asks for.
 * @param {string} version
 * @param {string} range
 */
export function satisfiesNode(version, range) {
  const have = version.split(".").map(Number);
  const need = range.replace(/^>=/, "").split(".").map(Number);
  for (let index = 0; index < need.length; index++) {
    const difference = (have[index] ?? 0) - (need[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Ends the process with one clear sentence when this Node is too old. */
export function requireNode() {
  const range = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;
  if (satisfiesNode(process.versions.node, range)) return;
  console.error(
    `Musubi needs Node ${range}, and this is ${process.versions.node}. Get a newer one from https://nodejs.org`,
  );
  process.exit(1);
}

/**
 * Asks this process to end (SIGTERM) once the npm that started it is gone. npm runs scripts through a shell that
 * dies of a signal without passing it on, which would leave a server holding its port.
 */
export function endWithNpm() {
  const parent = process.ppid;
  if (process.env["npm_lifecycle_event"] === undefined || process.platform === "win32") return;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 250);
  watch.unref();
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] the folder to run in; the top of the repository by default
 * @property {Record<string, string>} [env] added to the environment
 * @property {boolean} [capture] gather the output instead of showing it
 */

/**
 * Runs a command to its end and resolves with its exit code (127 when it could not be started).
 * Names of installed tools (`tsc`, `vitest`) work as they do in an npm script.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, options = {}) {
  const cwd = options.cwd ?? root;
  const bins = [join(cwd, "node_modules/.bin"), join(root, "node_modules/.bin")];
  const child = spawn(command, [...args], {
    cwd,
    env: { ...process.env, ...options.env, PATH: [...bins, process.env["PATH"]].join(delimiter) },
    stdio: options.capture ? ["ignore", "pipe", "pipe"] : "inherit",
    shell: process.platform === "win32",
  });
  let output = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (output += data));

  // A terminal's Ctrl-C reaches the command by itself; a signal sent to this process alone has to be passed on.
  const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  process.once("SIGTERM", pass).once("SIGINT", pass);

  return new Promise((resolve) => {
    const end = (/** @type {number} */ code) => {
      process.off("SIGTERM", pass).off("SIGINT", pass);
      resolve({ code, output });
    };
    child.once("error", (error) => {
      output += `${error.message}\n`;
      if (!options.capture) console.error(error.message);
      end(127);
    });
    child.once("close", (code, signal) => {
      if (signal === "SIGINT" || signal === "SIGTERM") process.exit(signal === "SIGINT" ? 130 : 143);
      end(code ?? 1);
    });
  });
}

/**
 * Runs pnpm in its pinned version, wherever one is installed or not.
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function pnpm(args, options = {}) {
  const env = { ...options.env, npm_config_update_notifier: "false" };
  return run("npx", ["--yes", `pnpm@${pnpmVersion}`, ...args], { ...options, env });
}
