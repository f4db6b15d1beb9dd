import { afterAll, describe, expect, test } from "vitest";
import { isWritingPage, MatrixRecord } from "./support/matrix-record.js";
import { ROWS } from "./support/matrix-rows.js";
import { MatrixStage } from "./support/matrix-stage.js";
import { createView, HOOKS } from "./support/matrix-views.js";
import type { ServerKind } from "./support/wire-server.js";

const KINDS: readonly ServerKind[] = ["plain", "resume"];
const VERSION = process.env["REACT_VERSION"] ?? "";
const record = new MatrixRecord();

describe.each(HOOKS)("react.md 1: %s", (hook) => {
  describe.each(KINDS)("%s server", (kind) => {
    for (const row of ROWS) {
      const expected = row.expected(hook, kind);
      record.expect(hook, row.name, kind, expected);
      record.saw(hook, row.name, kind, VERSION, undefined);

      if (row.isPossible)
        test.each([true, false])(`${row.name} (StrictMode: %s)`, async (isStrict) => {
          const stage = new MatrixStage(kind, isStrict);
          await row.run(stage, createView(hook, stage));
          const seen = await stage.finish();
          if (isStrict) record.saw(hook, row.name, kind, VERSION, seen);
          expect(seen).toEqual(expected);
        });
    }
  });
});

if (!isWritingPage) test("docs/react-matrix.md says what was seen", () => record.checkPage());

afterAll(() => record.save(VERSION));
