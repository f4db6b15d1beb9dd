import { expect, test } from "vitest";
import { CASES } from "./cases.js";
import type { Round } from "./pair.js";
import { roundFigures } from "./round-figures.js";

const [broadcast] = CASES;

/** A round of 100 ms that its server had the processor for so many of. */
function round(messages: number, cpuMs: number): Round {
  return {
    server: { messages, ms: 100, cpuMs, waited: 0 },
    clients: { messages, bytes: messages * 236, cpuMs: 1, p50Us: 5, p99Us: 9 },
  };
}

function rateOf(rounds: readonly Round[]): readonly number[] {
  if (broadcast === undefined) throw new Error("there are no cases");
  const [rate] = roundFigures(broadcast, 10, new Map([["ws", rounds]]));
  return rate?.measured[0]?.rounds ?? [];
}

test("rates are those of calm rounds, however much went through in the others", () => {
  const calm = [1, 2, 3, 4, 5, 6].map((messages) => round(messages, 90));
  expect(rateOf([round(100, 84), ...calm, round(0, 10)])).toEqual([10, 20, 30, 40, 50, 60]);
});

test("rates are those of the five least disturbed rounds where there are fewer calm ones", () => {
  const rounds = [20, 70, 30, 90, 10, 50, 40].map((cpuMs) => round(cpuMs, cpuMs));
  expect(rateOf(rounds)).toEqual([900, 700, 500, 400, 300]);
});

test("what a message costs is the same in all rounds", () => {
  if (broadcast === undefined) throw new Error("there are no cases");
  const rounds = [round(1_000, 10), round(1_000, 90)];
  const figures = roundFigures(broadcast, 10, new Map([["ws", rounds]]));
  expect(figures.map((figure) => [figure.case, figure.unit, figure.measured[0]?.rounds])).toEqual([
    ["broadcast", "per_second", [10_000, 10_000]],
    ["broadcast-cpu", "microseconds", [10, 90]],
    ["broadcast-bytes", "bytes", [236, 236]],
  ]);
});
