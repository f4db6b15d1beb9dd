import { SeededRandom } from "@musubi/testing";
import { type Action, drawActions } from "./actions.js";
import { type Counts, Coverage, describeCounts } from "./coverage.js";
import { runScenario } from "./scenario.js";
import { shrink } from "./shrink.js";

/** What to simulate. */
export interface SimulationOptions {
  readonly runs: number;
  /** Of the first run; the others follow it by one. */
  readonly seed: number;
  /** Hears how far it is, now and then. */
  readonly onProgress?: (done: number, divergences: number) => void;
  /** How many failures are enough; default 5. */
  readonly maxFailures?: number;
}

/** A run that went wrong, and the shortest part of its scenario found that still does. */
export interface SimulationFailure {
  readonly seed: number;
  readonly message: string;
  readonly actions: readonly Action[];
  readonly trace: readonly string[];
}

/** What a simulation came to. */
export interface SimulationResult {
  readonly runs: number;
  readonly failures: readonly SimulationFailure[];
  /** What all runs together came across. */
  readonly counts: Counts;
}

/** The scenario of a seed. */
export function actionsOf(seed: number): readonly Action[] {
  const random = new SeededRandom(seed ^ 0x9e3779b9);
  return drawActions(random, random.integer(15, 90));
}

/** Runs one scenario per seed, and shrinks those that fail. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { runs, seed, onProgress, maxFailures = 5 } = options;
  const failures: SimulationFailure[] = [];
  const coverage = new Coverage();
  let done = 0;
  for (; done < runs && failures.length < maxFailures; done++) {
    if (done % 100 === 0) onProgress?.(done, failures.length);
    const actions = actionsOf(seed + done);
    const { failure, counts } = await runScenario(seed + done, actions);
    coverage.add(counts);
    if (failure !== undefined) failures.push(await minimise(seed + done, actions, failure));
  }
  onProgress?.(done, failures.length);
  return { runs: done, failures, counts: coverage.counts };
}

/** What the runs came across, as a table to read. */
export function describeCoverage({ counts }: SimulationResult): string {
  return describeCounts(counts);
}

/** The failure told in a way that can be run again and read. */
export function describeFailure({ seed, message, actions }: SimulationFailure): string {
  return [`seed ${seed}: ${message}`, ...actions.map((action) => `  ${JSON.stringify(action)}`)].join("\n");
}

async function minimise(seed: number, actions: readonly Action[], failure: Error): Promise<SimulationFailure> {
  const rule = ruleOf(failure);
  const shortest = await shrink(actions, async (candidate) => {
    const again = await runScenario(seed, candidate);
    return again.failure !== undefined && ruleOf(again.failure) === rule;
  });
  const { failure: last, trace } = await runScenario(seed, shortest);
  return { seed, message: last?.stack ?? failure.message, actions: shortest, trace };
}

/** What the message of a failure begins with: shrinking must not lead from one fault to another. */
function ruleOf(failure: Error): string {
  return failure.message.split(":")[0] as string;
}
