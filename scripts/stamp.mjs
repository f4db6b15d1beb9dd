// Stamps tell whether work done earlier still holds. A stamp is a small file with the hash of all that went in;
// contents count and not dates, so that a fresh clone or a change of branch is judged rightly.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/**
 * The files under `folder` for which `wanted` holds, sorted; `enter` decides which folders are walked.
 * @param {string} folder
 * @param {(name: string) => boolean} wanted
 * @param {(name: string) => boolean} [enter]
 * @returns {string[]}
 */
export function filesUnder(folder, wanted, enter = () => true) {
  /** @type {string[]} */
  const found = [];
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (enter(entry.name)) found.push(...filesUnder(path, wanted, enter));
    } else if (wanted(entry.name)) found.push(path);
  }
  return found.sort();
}

/**
 * One hash over names and contents; a file that is missing counts as missing, not as empty.
 * @param {string} base the names are taken relative to it, so that a moved repository keeps its stamps
 * @param {readonly string[]} files
 * @param {readonly string[]} [extra] whatever else the work depends on
 */
export function hashOf(base, files, extra = []) {
  const hash = createHash("sha256");
  for (const text of extra) hash.update(`extra ${text.length} ${text}\n`);
  for (const file of files) {
    const content = existsSync(file) ? readFileSync(file) : undefined;
    hash.update(`file ${relative(base, file)} ${content?.length ?? "missing"}\n`);
    if (content !== undefined) hash.update(content);
  }
  return hash.digest("hex");
}

/** Whether the stamp at `path` carries `hash`. */
export function isStamped(/** @type {string} */ path, /** @type {string} */ hash) {
  return existsSync(path) && readFileSync(path, "utf8").trim() === hash;
}

/** Writes the stamp, to be called once the work is done. */
export function stamp(/** @type {string} */ path, /** @type {string} */ hash) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${hash}\n`);
}
