import { median } from "../measure.js";
import { type Figure, rowsOf } from "./figure.js";

/** What a figure's case may end in: it belongs to the table of the case that the rest names. */
const PARTS = /-(cpu|bytes|p50|p99)$/;

/** All figures as tables for people, one for each case. */
export function tablesOf(figures: readonly Figure[]): string {
  const tables = new Map<string, Figure[]>();
  for (const figure of figures) {
    const name = figure.case.replace(PARTS, "");
    tables.set(name, [...(tables.get(name) ?? []), figure]);
  }
  return [...tables].map(([name, own]) => tableOf(name, own)).join("\n");
}

function tableOf(name: string, figures: readonly Figure[]): string {
  const [first] = figures;
  const subjects = first?.measured.map((each) => each.name) ?? [];
  const lines = [
    ["", ...figures.flatMap((figure) => [headOf(figure), `of ${figure.reference}`, "spread"])],
    ...subjects.map((subject) => [subject, ...figures.flatMap((figure) => cellsOf(figure, subject))]),
  ];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const texts = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return `${name}: ${first?.title} (${first?.size})\n  ${texts.join("\n  ")}\n`;
}

function headOf({ case: name, unit }: Figure): string {
  const [, part] = PARTS.exec(name) ?? [];
  return part === undefined || part === unit ? unit.replace("_", " ") : `${part} ${unit}`;
}

function cellsOf(figure: Figure, subject: string): readonly string[] {
  const rounds = figure.measured.find(({ name }) => name === subject)?.rounds ?? [];
  const row = rowsOf(figure).find((each) => each.subject === subject && each.reference === figure.reference);
  const value = readable(median(rounds));
  return row === undefined ? [value, "1", ""] : [value, String(row.ratio), `${row.spread[0]}-${row.spread[1]}`];
}

function readable(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}
