// Installs a Redis server from Debian's archive, as root on a machine with apt-get. The tests start their own, on a
// port of its own. Run by itself (`node scripts/install-redis.mjs`) it installs one if none is found.
import { pathToFileURL } from "node:url";
import { canInstall, install } from "./apt.mjs";
import { findRedis, howToGetRedis } from "./find-redis.mjs";

/** The path of a Redis server, installed if it has to and can be; undefined when none can be had. */
export async function ensureRedis() {
  const found = findRedis();
  if (found !== undefined || !(await canInstall())) return found;
  return install({ name: "Redis", pack: "redis-server", reason: "the tests across processes", find: findRedis });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const path = await ensureRedis();
  if (path !== undefined) console.log(`Redis: ${path}`);
  else {
    console.error(`There is no redis-server: ${howToGetRedis}.`);
    process.exit(1);
  }
}
