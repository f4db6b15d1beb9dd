import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cellText, columnOf, type Matrix, NOT_THERE, readPage, renderPage } from "../../scripts/react-matrix-page.mjs";
import { ROWS } from "./support/matrix-rows.js";
import { MatrixStage } from "./support/matrix-stage.js";
import { createView, HOOKS } from "./support/matrix-views.js";
import type { ServerKind } from "./support/wire-server.js";

const KINDS: readonly ServerKind[] = ["plain", "resume"];
const REPO = resolve(import.meta.dirname, "../..");
const VERSION = process.env["REACT_VERSION"] ?? "";
const isWriting = process.env["WRITE_REACT_MATRIX"] !== undefined;

/** What this version of React showed, and what was expected of it. */
const seen: Matrix = {};
const note = (hook: string, row: string, column: string, cell: string): void => {
  const table = (seen[hook] ??= {});
  (table[row] ??= {})[column] = cell;
};

describe.each(HOOKS)("react.md 1: %s", (hook) => {
  describe.each(KINDS)("%s server", (kind) => {
    for (const row of ROWS) {
      const expected = row.expected(hook, kind);
      note(hook, row.name, columnOf(kind), cellText(expected));
      note(hook, row.name, columnOf(kind, VERSION), NOT_THERE);

      test.skipIf(!row.isPossible).each([true, false])(`${row.name} (StrictMode: %s)`, async (isStrict) => {
        const stage = new MatrixStage(kind, isStrict);
        await row.run(stage, createView(hook, stage));
        const cell = await stage.finish();
        if (isStrict) note(hook, row.name, columnOf(kind, VERSION), cellText(cell));
        expect(cell).toEqual(expected);
      });
    }
  });
});

test.skipIf(isWriting)("docs/react-matrix.md says what was seen; npm run react-matrix writes it", () => {
  const page = readFileSync(`${REPO}/docs/react-matrix.md`, "utf8");
  expect(renderPage([seen, readPage(page)])).toBe(page);
});

afterAll(() => {
  const folder = `${REPO}/artifacts/react-matrix`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/${VERSION}.json`, `${JSON.stringify(seen, undefined, 2)}\n`);
});
