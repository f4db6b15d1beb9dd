// Finds a Chromium (or Chrome, or Edge) on this machine: for the end-to-end tests and for `npm test`.
import { findProgram, isExecutable } from "./find-program.mjs";

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
 * The path of a Chromium that can be run, or undefined: CHROMIUM_PATH, then the names on PATH, then the places.
 * @param {Record<string, string | undefined>} [env]
 * @param {(path: string) => boolean} [canRun]
 * @returns {string | undefined}
 */
export function findChromium(env = process.env, canRun = isExecutable) {
  return findProgram({ variable: "CHROMIUM_PATH", names, places }, env, canRun);
}
