import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";
import {
  cellText,
  columnOf,
  type Matrix,
  NOT_THERE,
  readPage,
  renderPage,
} from "../../../scripts/react-matrix-page.mjs";
import type { MatrixCell } from "./matrix-cell.js";
import type { ServerKind } from "./wire-server.js";

const REPO = resolve(import.meta.dirname, "../../..");

/** Whether the page is about to be written, and need not be right yet. */
export const isWritingPage = process.env["WRITE_REACT_MATRIX"] !== undefined;

/** What the tests of one run have seen of the matrix. */
export class MatrixRecord {
  readonly #seen: Matrix = {};

  /** What is expected of a row, whatever the version of React. */
  expect(table: string, row: string, kind: ServerKind, cell: MatrixCell): void {
    this.#note(table, row, columnOf(kind), cellText(cell));
  }

  /** What a version of React showed; `undefined` for what it lacks. */
  saw(table: string, row: string, kind: ServerKind, version: string, cell: MatrixCell | undefined): void {
    this.#note(table, row, columnOf(kind, version), cell === undefined ? NOT_THERE : cellText(cell));
  }

  /** Fails when docs/react-matrix.md says anything else. */
  checkPage(): void {
    const page = readFileSync(`${REPO}/docs/react-matrix.md`, "utf8");
    expect(renderPage([this.#seen, readPage(page)]), "npm run react-matrix writes the page").toBe(page);
  }

  /** Leaves it for whoever writes the page. */
  save(name: string): void {
    const folder = `${REPO}/artifacts/react-matrix`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(this.#seen, undefined, 2)}\n`);
  }

  #note(table: string, row: string, column: string, text: string): void {
    const rows = (this.#seen[table] ??= {});
    (rows[row] ??= {})[column] = text;
  }
}
