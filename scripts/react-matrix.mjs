// Writes docs/react-matrix.md: runs the matrix on each version of React, and renders what was seen.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findChromium, howToGetChromium } from "./find-chromium.mjs";
import { readPage, renderPage } from "./react-matrix-page.mjs";
import { root, run } from "./workspace.mjs";

const seen = join(root, "artifacts/react-matrix");
const page = "docs/react-matrix.md";

rmSync(seen, { recursive: true, force: true });
const projects = ["dom", "dom-18"];
if (findChromium() === undefined)
  console.log(`What is seen in Chromium stays as it is on the page: ${howToGetChromium}.`);
else projects.push("e2e");
const selected = projects.flatMap((project) => ["--project", project]);
const tests = ["tests/react/matrix.test.tsx", "tests/e2e/react-matrix.test.ts"];
const { code } = await run("vitest", ["run", ...selected, ...tests], { env: { WRITE_REACT_MATRIX: "1" } });
if (code !== 0) {
  console.error(`The matrix failed (vitest ended with ${code}), so ${page} stays as it is.`);
  process.exit(1);
}
const files = readdirSync(seen).sort();
const matrices = files.map((file) => JSON.parse(readFileSync(join(seen, file), "utf8")));
writeFileSync(join(root, page), renderPage([...matrices, readPage(readFileSync(join(root, page), "utf8"))]));
console.log(`${page} is written from ${files.join(", ")}.`);
