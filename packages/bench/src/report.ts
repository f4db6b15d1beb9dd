import { median, quantile, type Timing } from "./measure.js";

/** One figure: the median time of `subject` over that of `reference`, both from this run. */
export interface Row {
  readonly bench: string;
  readonly case: string;
  /** Stores, items or clients. */
  readonly size: number;
  readonly subject: string;
  readonly reference: string;
  readonly ratio: number;
  /** The ratio in the quieter and in the busier quarter of the rounds. */
  readonly spread: readonly [low: number, high: number];
  /** Rounds. */
  readonly n: number;
}

/** The row that compares two timings. */
export function rowOf(
  place: { readonly bench: string; readonly case: string; readonly size: number },
  subject: Timing,
  reference: Timing,
): Row {
  const base = median(reference.rounds);
  return {
    ...place,
    subject: subject.name,
    reference: reference.name,
    ratio: rounded(subject.median / base),
    spread: [rounded(quantile(subject.rounds, 0.25) / base), rounded(quantile(subject.rounds, 0.75) / base)],
    n: subject.rounds.length,
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** Prints rows: one JSON array, or a table for people. */
export function print(rows: readonly Row[], json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const lines = rows.map((row) => [
    row.bench,
    row.case,
    String(row.size),
    row.subject,
    row.reference,
    String(row.ratio),
    `${row.spread[0]}-${row.spread[1]}`,
    String(row.n),
  ]);
  const table = [["bench", "case", "size", "subject", "reference", "ratio", "spread", "n"], ...lines];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of table) {
    process.stdout.write(
      `${line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}
