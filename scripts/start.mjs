// `npm start`: installs and builds what is needed, then runs the demo's server.
// `npm start -- --port 4100` or PORT=4100 chooses the port. What else is given goes to the server.
import { pathToFileURL } from "node:url";
import { orUsage, takePort } from "./arguments.mjs";
import { demoServer, ensureDemoBuilt } from "./demo.mjs";
import { ensureInstalled } from "./install.mjs";
import { endWithNpm, requireNode } from "./workspace.mjs";

requireNode();
endWithNpm();
const { port, rest } = orUsage(() => takePort(process.argv.slice(2), process.env["PORT"]));
await ensureInstalled();
if (!(await ensureDemoBuilt())) {
  console.error("The demo could not be built: see above.");
  process.exit(1);
}

// The server runs in this very process: a signal meets exactly one process, and nothing can be orphaned.
// npm and a terminal may both deliver one Ctrl-C. The server answers the first; without these listeners the
// second would kill it in the middle of its goodbye. Insisting a second later ends it at once.
let asked = 0;
for (const [signal, code] of /** @type {const} */ ([
  ["SIGINT", 130],
  ["SIGTERM", 143],
])) {
  process.on(signal, () => {
    asked ||= Date.now();
    if (Date.now() - asked > 1_000) process.exit(code);
  });
}

if (port !== undefined) process.env["PORT"] = port;
process.argv.splice(1, Infinity, demoServer, ...rest);
await import(pathToFileURL(demoServer).href);
