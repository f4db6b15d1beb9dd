// Installs a package from Debian's archive for tests that need one: as root on a machine with apt-get.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, run, seconds } from "./workspace.mjs";

const patient = ["-q", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"];
const env = { DEBIAN_FRONTEND: "noninteractive" };
const attempts = 3;

/** Whether this process may install packages here. */
export async function canInstall() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  return (await run("apt-get", ["--version"], { capture: true })).code === 0;
}

/**
 * Installs a package and resolves with what `find` finds then, or with undefined after showing what apt-get said.
 * The output is kept in a log and shown only when all attempts have failed.
 * @param {object} what
 * @param {string} what.name as people call it
 * @param {string} what.pack as Debian calls it
 * @param {string} what.reason what it is for, and how long it takes
 * @param {() => string | undefined} what.find
 */
export async function install({ name, pack, reason, find }) {
  const started = Date.now();
  console.log(`Installing ${name} with apt-get for ${reason} ...`);
  const progress = setInterval(() => console.log(`  still at it after ${seconds(Date.now() - started)}`), 15_000);
  let output = "";
  let code = 1;
  for (let attempt = 1; attempt <= attempts && code !== 0; attempt++) {
    if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, attempt * 2_000));
    const update = await run("apt-get", [...patient, "update"], { capture: true, env });
    const args = [...patient, "install", "-y", "--no-install-recommends", pack];
    const installed = await run("apt-get", args, { capture: true, env });
    output += `\n--- attempt ${attempt}\n${update.output}${installed.output}`;
    code = installed.code;
  }
  clearInterval(progress);
  const log = join(root, `artifacts/${pack}-install.log`);
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, output);
  const path = code === 0 ? find() : undefined;
  if (path === undefined) console.error(`${output.split("\n").slice(-40).join("\n")}\n${name} could not be installed.`);
  else console.log(`Installed ${path} in ${seconds(Date.now() - started)}.`);
  return path;
}
