// Finds a Chromium (or Chrome, or Edge) on this machine: for the end-to-end tests and for `npm test`.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"];

const places = [
  "/usr/bin/chromium",
  "/usr/lib/chromium/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/opt/google/chrome/chrome",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/** What to tell someone whose machine has none. */
export const howToGetChromium =
  "install Chromium (Debian, Ubuntu: apt-get install chromium) or set CHROMIUM_PATH to a Chromium or Chrome";

/**
 * The path of a Chromium that can be run, or undefined. CHROMIUM_PATH goes first, and is an error when it
 * leads nowhere: someone meant it. Then the names on PATH, then the places where systems put one.
 * @param {Record<string, string | undefined>} [env]
 * @param {(path: string) => boolean} [canRun]
 * @returns {string | undefined}
 */
export function findChromium(env = process.env, canRun = isExecutable) {
  const chosen = env["CHROMIUM_PATH"];
  if (chosen) {
    if (canRun(chosen)) return chosen;
    throw new Error(`CHROMIUM_PATH is ${chosen}, which is not a program that can be run.`);
  }
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...onPath, ...places].find(canRun);
}

function isExecutable(/** @type {string} */ path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
