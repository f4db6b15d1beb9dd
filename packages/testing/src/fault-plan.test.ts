import { describe, expect, test } from "vitest";
import { createFaultPlan, drawFault, FAULT_KINDS } from "./fault-plan.js";
import { SeededRandom } from "./seeded-random.js";

describe("fault plans", () => {
  test("a seed makes one plan, another seed another", () => {
    expect(createFaultPlan({ seed: 7 })).toEqual(createFaultPlan({ seed: 7 }));
    expect(createFaultPlan({ seed: 7 })).not.toEqual(createFaultPlan({ seed: 8 }));
  });

  test("a plan has as many faults as asked, in order, within its time, of the kinds asked", () => {
    const plan = createFaultPlan({ seed: 1, count: 50, overMs: 1_000, kinds: ["cut", "delay"] });
    expect(plan).toHaveLength(50);
    const times = plan.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((atMs) => atMs >= 0 && atMs <= 1_000)).toBe(true);
    expect(new Set(plan.map(({ fault }) => fault.kind))).toEqual(new Set(["cut", "delay"]));
  });

  test("every kind is drawn", () => {
    const random = new SeededRandom(3);
    const kinds = new Set(Array.from({ length: 500 }, () => drawFault(random).kind));
    expect(kinds).toEqual(new Set(FAULT_KINDS));
  });
});

describe("SeededRandom", () => {
  test("numbers repeat with their seed and keep their bounds", () => {
    const [one, two] = [new SeededRandom(42), new SeededRandom(42)];
    const drawn = Array.from({ length: 1_000 }, () => one.next());
    expect(Array.from({ length: 1_000 }, () => two.next())).toEqual(drawn);
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true);
    const integers = new Set(Array.from({ length: 200 }, () => one.integer(-1, 2)));
    expect(integers).toEqual(new Set([-1, 0, 1, 2]));
  });
});
