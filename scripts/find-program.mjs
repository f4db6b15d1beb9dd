// Finds programs that tests need and that come with the system.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The path of a program that can be run, or undefined. What the variable names goes first, and is an error when it leads
 * nowhere: someone meant it. Then the names on PATH, then the places.
 * @param {object} what
 * @param {string} what.variable
 * @param {readonly string[]} what.names
 * @param {readonly string[]} what.places
 * @param {Record<string, string | undefined>} env
 * @param {(path: string) => boolean} canRun
 * @returns {string | undefined}
 */
export function findProgram({ variable, names, places }, env, canRun) {
  const chosen = env[variable];
  if (chosen) {
    if (canRun(chosen)) return chosen;
    throw new Error(`${variable} is ${chosen}, which is not a program that can be run.`);
  }
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...onPath, ...places].find(canRun);
}

export function isExecutable(/** @type {string} */ path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
