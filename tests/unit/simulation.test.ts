import { SeededRandom } from "@musubi/testing";
import { expect, test } from "vitest";
import { Coverage, missing } from "../simulation/coverage.js";
import { actionsOf, describeFailure, simulate } from "../simulation/run-many.js";
import { runScenario } from "../simulation/scenario.js";
import { drawStyle } from "../simulation/server-style.js";
import { shrink } from "../simulation/shrink.js";

const SEED = 1;
const RUNS = 500;

test(`the client agrees with its server in ${RUNS} random scenarios (seed ${SEED}), which leave nothing out`, async () => {
  const coverage = new Coverage();
  // What is rare gets some more runs to come up in.
  for (let seed = SEED; seed < SEED + 4 * RUNS && missing(coverage.counts).length > 0; seed += RUNS) {
    const { runs, failures, counts } = await simulate({ runs: RUNS, seed });
    expect(failures.map(describeFailure).join("\n")).toBe("");
    expect(runs).toBe(RUNS);
    coverage.add(counts);
  }
  expect(missing(coverage.counts)).toEqual([]);
}, 400_000);

test("a seed gives one run, to the letter", async () => {
  const styles = Array.from({ length: 60 }, (_, seed) => ({ seed, ...drawStyle(new SeededRandom(seed)) }));
  const own = styles.filter(({ topology }) => topology === "channel-per-root").slice(0, 4);
  const others = styles.filter(({ topology, hasUploads }) => topology === "shared" && hasUploads).slice(0, 4);
  for (const { seed } of [...own, ...others]) {
    const once = await runScenario(seed, actionsOf(seed));
    const again = await runScenario(seed, actionsOf(seed));
    expect(again).toEqual(once);
    expect(once.trace.length).toBeGreaterThan(10);
  }
});

test("a failing scenario shrinks to the steps that it takes", async () => {
  const steps = Array.from({ length: 40 }, (_, index) => index);
  const fails = (candidate: readonly number[]): Promise<boolean> =>
    Promise.resolve(candidate.includes(7) && candidate.includes(31));
  await expect(shrink(steps, fails)).resolves.toEqual([7, 31]);
});
