// `npm run pnpm -- <arguments>`: the pinned pnpm, for those who have none on their PATH or another version.
import { recordInstall } from "./install.mjs";
import { pnpm } from "./workspace.mjs";

const args = process.argv.slice(2);
const { code } = await pnpm(args);
if (code === 0 && args[0] === "install") recordInstall();
process.exitCode = code;
