// Writes docs/phoenix-compatibility.md: repeats the recordings of Phoenix, and notes what came of them.
import { run } from "./workspace.mjs";

const files = ["raw-replay", "phoenix-js", "races", "recorded-session"].map((name) => `tests/interop/${name}.test.ts`);
const env = { WRITE_PHOENIX_COMPATIBILITY: "1" };
// One file after the other: each writes its own rows.
const { code } = await run("vitest", ["run", "--project", "interop", "--no-file-parallelism", ...files], { env });
process.exit(code ?? 1);
