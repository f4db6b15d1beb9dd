// Installs a Redis server from Debian's archive if there is none, as root on a machine with apt-get. The tests start
// their own, on a port of its own.
import { canInstall, install } from "./apt.mjs";
import { findRedis, howToGetRedis } from "./find-redis.mjs";

const found = findRedis();
if (found !== undefined) console.log(`Redis: ${found}`);
else if (!(await canInstall())) {
  console.error(`There is no redis-server, and this user cannot install one: ${howToGetRedis}.`);
  process.exit(1);
} else {
  const what = { name: "Redis", pack: "redis-server", reason: "the tests across processes", find: findRedis };
  if ((await install(what)) === undefined) process.exit(1);
}
