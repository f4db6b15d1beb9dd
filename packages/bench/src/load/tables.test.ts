import { describe, expect, it } from "vitest";
import { type Figure, rowsOf } from "./figure.js";
import { tablesOf } from "./tables.js";

const rate: Figure = {
  case: "broadcast",
  title: "one to all",
  size: 10,
  unit: "per_second",
  reference: "raw-tcp",
  measured: [
    { name: "raw-tcp", rounds: [2_000, 1_900, 2_100] },
    { name: "ws", rounds: [1_000, 900, 1_100] },
    { name: "ours", rounds: [1_800, 1_500, 1_900] },
  ],
};
const cpu: Figure = {
  ...rate,
  case: "broadcast-cpu",
  unit: "microseconds",
  measured: rate.measured.map(({ name }, at) => ({ name, rounds: [at + 1] })),
};

describe("what a figure comes to", () => {
  it("is a row for each subject against the reference, and for ours against every other", () => {
    const common = { bench: "load", case: "broadcast", size: 10, unit: "per_second", n: 3 };
    expect(rowsOf(rate)).toEqual([
      { ...common, subject: "ws", reference: "raw-tcp", ratio: 0.5, spread: [0.45, 0.55], value: 1_000 },
      { ...common, subject: "ours", reference: "raw-tcp", ratio: 0.9, spread: [0.75, 0.95], value: 1_800 },
      { ...common, subject: "ours", reference: "ws", ratio: 1.8, spread: [1.5, 1.9], value: 1_800 },
    ]);
  });

  it("is one table for a case with all its parts", () => {
    expect(tablesOf([rate, cpu])).toBe(`broadcast: one to all (10)
           per second  of raw-tcp     spread  cpu microseconds  of raw-tcp  spread
  raw-tcp       2,000           1                         1.00           1
  ws            1,000         0.5  0.45-0.55              2.00           2     2-2
  ours          1,800         0.9  0.75-0.95              3.00           3     3-3
`);
  });
});
