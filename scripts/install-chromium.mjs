// Installs Chromium from Debian's archive, where that is possible: as root on a machine with apt-get.
// Run by itself (`node scripts/install-chromium.mjs`) it installs one if none is found.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { findChromium, howToGetChromium } from "./find-chromium.mjs";
import { root, run, seconds } from "./workspace.mjs";

const log = join(root, "artifacts/chromium-install.log");
const patient = ["-q", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"];
const env = { DEBIAN_FRONTEND: "noninteractive" };
const attempts = 3;

/** Whether this process may install packages here. */
export async function canInstallChromium() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  return (await run("apt-get", ["--version"], { capture: true })).code === 0;
}

/**
 * Installs Chromium and resolves with its path, or with undefined after showing what apt-get said.
 * The output is kept in a log and shown only when all attempts have failed.
 */
export async function installChromium() {
  const started = Date.now();
  console.log("Installing Chromium with apt-get for the browser tests (about a minute) ...");
  const progress = setInterval(() => console.log(`  still at it after ${seconds(Date.now() - started)}`), 15_000);
  let output = "";
  let code = 1;
  for (let attempt = 1; attempt <= attempts && code !== 0; attempt++) {
    if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, attempt * 2_000));
    const update = await run("apt-get", [...patient, "update"], { capture: true, env });
    const args = [...patient, "install", "-y", "--no-install-recommends", "chromium"];
    const install = await run("apt-get", args, { capture: true, env });
    output += `\n--- attempt ${attempt}\n${update.output}${install.output}`;
    code = install.code;
  }
  clearInterval(progress);
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, output);
  const path = code === 0 ? findChromium() : undefined;
  if (path === undefined)
    console.error(`${output.split("\n").slice(-40).join("\n")}\nChromium could not be installed.`);
  else console.log(`Installed ${path} in ${seconds(Date.now() - started)}.`);
  return path;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const found = findChromium();
  if (found !== undefined) console.log(`Browser: ${found}`);
  else if (!(await canInstallChromium())) {
    console.error(`There is no browser, and this user cannot install one: ${howToGetChromium}.`);
    process.exit(1);
  } else if ((await installChromium()) === undefined) process.exit(1);
}
