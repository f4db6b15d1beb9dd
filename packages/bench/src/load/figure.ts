import { median } from "../measure.js";
import { type Row, rowOf } from "../report.js";

/** What one subject came to, once per round. */
export interface Measured {
  readonly name: string;
  readonly rounds: readonly number[];
}

/** One quantity of several subjects, measured in turn. */
export interface Figure {
  readonly case: string;
  /** What it is, for people. */
  readonly title: string;
  /** Clients or roots. */
  readonly size: number;
  /** `per_second`: more is better. Of anything else less is. */
  readonly unit: "per_second" | "microseconds" | "bytes";
  /** What subjects are compared with; it is among them. */
  readonly reference: string;
  readonly measured: readonly Measured[];
}

/** A row that says in what it measures and what it came to. */
export interface LoadRow extends Row {
  readonly unit: Figure["unit"];
  /** The median of the subject, in `unit`. */
  readonly value: number;
}

/** Every subject against the figure's reference, and ours against every other. */
export function rowsOf(figure: Figure): LoadRow[] {
  const { measured, reference } = figure;
  const rows: LoadRow[] = [];
  for (const subject of measured) {
    for (const against of measured) {
      const isWanted = against.name === reference || subject.name === "ours";
      if (subject !== against && isWanted) rows.push(rowFor(figure, subject, against));
    }
  }
  return rows;
}

function rowFor({ case: name, size, unit }: Figure, subject: Measured, against: Measured): LoadRow {
  const timed = { ...subject, median: median(subject.rounds) };
  const row = rowOf({ bench: "load", case: name, size }, timed, { ...against, median: median(against.rounds) });
  return { ...row, unit, value: Number(timed.median.toPrecision(4)) };
}
