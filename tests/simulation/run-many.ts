import { SeededRandom } from "@musubi/testing";
import { type Action, drawActions } from "./actions.js";
import { COVERED, type Counts, Coverage, describeCounts, type Kind } from "./coverage.js";
import type { ScenarioResult } from "./play.js";
import { type Action as RealAction, drawActions as drawRealActions } from "./real/actions.js";
import { KINDS, type Kind as RealKind } from "./real/kinds.js";
import { runRealScenario } from "./real/real-scenario.js";
import { runScenario } from "./scenario.js";
import { shrink } from "./shrink.js";

/** A simulation: what its scenarios are made of, and what they have to come across. */
export interface Simulation<Step, Each extends string> {
  readonly kinds: readonly Each[];
  draw(random: SeededRandom, length: number): readonly Step[];
  run(seed: number, actions: readonly Step[]): Promise<ScenarioResult<Each>>;
}

/** One client against a model server, of any style, that misbehaves. */
export const WITH_MODEL_SERVER: Simulation<Action, Kind> = { kinds: COVERED, draw: drawActions, run: runScenario };

/** Several clients against the real server. */
export const WITH_REAL_SERVER: Simulation<RealAction, RealKind> = {
  kinds: KINDS,
  draw: drawRealActions,
  run: runRealScenario,
};

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
  readonly actions: readonly unknown[];
  readonly trace: readonly string[];
}

/** What a simulation came to. */
export interface SimulationResult<Each extends string> {
  readonly runs: number;
  readonly failures: readonly SimulationFailure[];
  /** What all runs together came across. */
  readonly counts: Counts<Each>;
}

/** The scenario of a seed. */
export function actionsOf<Step>({ draw }: Pick<Simulation<Step, string>, "draw">, seed: number): readonly Step[] {
  const random = new SeededRandom(seed ^ 0x9e3779b9);
  return draw(random, random.integer(15, 90));
}

/** Runs one scenario per seed, and shrinks those that fail. */
export async function simulate<Step, Each extends string>(
  simulation: Simulation<Step, Each>,
  options: SimulationOptions,
): Promise<SimulationResult<Each>> {
  const { runs, seed, onProgress, maxFailures = 5 } = options;
  const failures: SimulationFailure[] = [];
  const coverage = new Coverage<Each>();
  let done = 0;
  for (; done < runs && failures.length < maxFailures; done++) {
    if (done % 100 === 0) onProgress?.(done, failures.length);
    const actions = actionsOf(simulation, seed + done);
    const { failure, counts } = await simulation.run(seed + done, actions);
    coverage.add(counts);
    if (failure !== undefined) failures.push(await minimise(simulation, seed + done, actions, failure));
  }
  onProgress?.(done, failures.length);
  return { runs: done, failures, counts: coverage.counts };
}

/** What the runs came across, as a table to read. */
export function describeCoverage<Each extends string>(
  { kinds }: Pick<Simulation<unknown, Each>, "kinds">,
  { counts }: SimulationResult<Each>,
): string {
  return describeCounts(counts, kinds);
}

/** The failure told in a way that can be run again and read. */
export function describeFailure({ seed, message, actions }: SimulationFailure): string {
  return [`seed ${seed}: ${message}`, ...actions.map((action) => `  ${JSON.stringify(action)}`)].join("\n");
}

async function minimise<Step>(
  simulation: Simulation<Step, string>,
  seed: number,
  actions: readonly Step[],
  failure: Error,
): Promise<SimulationFailure> {
  const rule = ruleOf(failure);
  const shortest = await shrink(actions, async (candidate) => {
    const again = await simulation.run(seed, candidate);
    return again.failure !== undefined && ruleOf(again.failure) === rule;
  });
  const { failure: last, trace } = await simulation.run(seed, shortest);
  return { seed, message: last?.stack ?? failure.message, actions: shortest, trace };
}

/** What the message of a failure begins with: shrinking must not lead from one fault to another. */
function ruleOf(failure: Error): string {
  return failure.message.split(":")[0] as string;
}
