// Finds a Redis or Valkey server on this machine, for the tests of PubSub between processes.
import { findProgram, isExecutable } from "./find-program.mjs";

const names = ["redis-server", "valkey-server"];

const places = names.flatMap((name) =>
  ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map((folder) => `${folder}/${name}`),
);

/** What to tell someone whose machine has none. */
export const howToGetRedis =
  "install it with `apt-get install redis-server` (Debian, Ubuntu) or set REDIS_SERVER_PATH to a redis-server or valkey-server";

/**
 * The path of one that can be run, or undefined: REDIS_SERVER_PATH, then the names on PATH, then the places.
 * @param {Record<string, string | undefined>} [env]
 * @param {(path: string) => boolean} [canRun]
 * @returns {string | undefined}
 */
export function findRedis(env = process.env, canRun = isExecutable) {
  return findProgram({ variable: "REDIS_SERVER_PATH", names, places }, env, canRun);
}
