// `npm run release`: publishes the packages whose versions are new, after everything has passed. The versions come
// first, in a commit of their own: `npx changeset version`. With `-- --dry-run` nothing leaves this machine.
import { pnpm, run } from "./workspace.mjs";

const tested = await run("npm", ["test"]);
if (tested.code !== 0) process.exit(tested.code);
// pnpm and not npm, since it writes the real version in the place of "workspace:^".
const published = await pnpm(["--recursive", "publish", "--access", "public", ...process.argv.slice(2)]);
process.exitCode = published.code;
