// Installs Chromium from Debian's archive, where that is possible: as root on a machine with apt-get.
// Run by itself (`node scripts/install-chromium.mjs`) it installs one if none is found.
import { pathToFileURL } from "node:url";
import { canInstall, install } from "./apt.mjs";
import { findChromium, howToGetChromium } from "./find-chromium.mjs";

export { canInstall as canInstallChromium };

/** Installs Chromium and resolves with its path, or with undefined after showing what apt-get said. */
export const installChromium = () =>
  install({ name: "Chromium", pack: "chromium", reason: "the browser tests (about a minute)", find: findChromium });

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const found = findChromium();
  if (found !== undefined) console.log(`Browser: ${found}`);
  else if (!(await canInstall())) {
    console.error(`There is no browser, and this user cannot install one: ${howToGetChromium}.`);
    process.exit(1);
  } else if ((await installChromium()) === undefined) process.exit(1);
}
