// Finds an nginx on this machine, for the tests of what docs/deploy.md shows.
import { findProgram, isExecutable } from "./find-program.mjs";

const names = ["nginx"];

// Where systems put it is on root's PATH alone.
const places = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"].map(
  (folder) => `${folder}/nginx`,
);

/** What to tell someone whose machine has none. */
export const howToGetNginx =
  "install it with `apt-get install nginx` (Debian, Ubuntu) or set NGINX_PATH to an nginx of 1.18 or later";

/**
 * The path of one that can be run, or undefined: NGINX_PATH, then nginx on PATH, then the places.
 * @param {Record<string, string | undefined>} [env]
 * @param {(path: string) => boolean} [canRun]
 * @returns {string | undefined}
 */
export function findNginx(env = process.env, canRun = isExecutable) {
  return findProgram({ variable: "NGINX_PATH", names, places }, env, canRun);
}
