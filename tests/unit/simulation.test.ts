import { SeededRandom } from "@musubi/testing";
import { expect, test } from "vitest";
import { Coverage, missing } from "../simulation/coverage.js";
import {
  actionsOf,
  describeFailure,
  type Simulation,
  simulate,
  WITH_MODEL_SERVER,
  WITH_REAL_SERVER,
} from "../simulation/run-many.js";
import { drawStyle } from "../simulation/server-style.js";
import { shrink } from "../simulation/shrink.js";

const SEED = 1;
const RUNS = 500;

async function expectAgreement<Step, Kind extends string>(
  simulation: Simulation<Step, Kind>,
  runsEach: number,
): Promise<void> {
  const coverage = new Coverage<Kind>();
  const isWanting = (): boolean => missing(coverage.counts, simulation.kinds).length > 0;
  // What is rare gets some more runs to come up in.
  for (let seed = SEED; seed < SEED + 4 * runsEach && isWanting(); seed += runsEach) {
    const { runs, failures, counts } = await simulate(simulation, { runs: runsEach, seed });
    expect(failures.map(describeFailure).join("\n")).toBe("");
    expect(runs).toBe(runsEach);
    coverage.add(counts);
  }
  expect(missing(coverage.counts, simulation.kinds)).toEqual([]);
}

test(`the client agrees with its server in ${RUNS} random scenarios (seed ${SEED}), which leave nothing out`, async () => {
  await expectAgreement(WITH_MODEL_SERVER, RUNS);
}, 400_000);

test(`clients agree with the real server in ${RUNS} random scenarios (seed ${SEED}), which leave nothing out`, async () => {
  await expectAgreement(WITH_REAL_SERVER, RUNS);
}, 400_000);

test("a seed gives one run, to the letter", async () => {
  const styles = Array.from({ length: 60 }, (_, seed) => ({ seed, ...drawStyle(new SeededRandom(seed)) }));
  const own = styles.filter(({ topology }) => topology === "channel-per-root").slice(0, 4);
  const others = styles.filter(({ topology, hasUploads }) => topology === "shared" && hasUploads).slice(0, 4);
  const seeds = [...own, ...others].map(({ seed }) => seed);
  for (const seed of seeds) await expectSameTwice(WITH_MODEL_SERVER, seed);
  for (const seed of seeds) await expectSameTwice(WITH_REAL_SERVER, seed);
});

async function expectSameTwice<Step>(simulation: Simulation<Step, string>, seed: number): Promise<void> {
  const once = await simulation.run(seed, actionsOf(simulation, seed));
  const again = await simulation.run(seed, actionsOf(simulation, seed));
  expect(again).toEqual(once);
  expect(once.trace.length).toBeGreaterThan(10);
}

test("a failing scenario shrinks to the steps that it takes", async () => {
  const steps = Array.from({ length: 40 }, (_, index) => index);
  const fails = (candidate: readonly number[]): Promise<boolean> =>
    Promise.resolve(candidate.includes(7) && candidate.includes(31));
  await expect(shrink(steps, fails)).resolves.toEqual([7, 31]);
});
