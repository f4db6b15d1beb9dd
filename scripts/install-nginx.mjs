// Installs nginx from Debian's archive, as root on a machine with apt-get. The tests start their own, on a port and in a
// folder of its own. Run by itself (`node scripts/install-nginx.mjs`) it installs one if none is found.
import { pathToFileURL } from "node:url";
import { canInstall, install } from "./apt.mjs";
import { findNginx, howToGetNginx } from "./find-nginx.mjs";

/** The path of an nginx, installed if it has to and can be; undefined when none can be had. */
export async function ensureNginx() {
  const found = findNginx();
  if (found !== undefined || !(await canInstall())) return found;
  return install({ name: "nginx", pack: "nginx", reason: "the tests behind a proxy", find: findNginx });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const path = await ensureNginx();
  if (path !== undefined) console.log(`nginx: ${path}`);
  else {
    console.error(`There is no nginx: ${howToGetNginx}.`);
    process.exit(1);
  }
}
