// Writes docs/react-matrix.md: runs the matrix on each version of React, and renders what was seen.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderPage } from "./react-matrix-page.mjs";
import { root, run } from "./workspace.mjs";

const seen = join(root, "artifacts/react-matrix");
const page = "docs/react-matrix.md";

rmSync(seen, { recursive: true, force: true });
const projects = ["--project", "dom", "--project", "dom-18"];
const env = { WRITE_REACT_MATRIX: "1" };
const { code } = await run("vitest", ["run", ...projects, "tests/react/matrix.test.tsx"], { env });
if (code !== 0) {
  console.error(`The matrix failed (vitest ended with ${code}), so ${page} stays as it is.`);
  process.exit(1);
}
const files = readdirSync(seen).sort();
writeFileSync(join(root, page), renderPage(files.map((file) => JSON.parse(readFileSync(join(seen, file), "utf8")))));
console.log(`${page} is written from ${files.join(" and ")}.`);
