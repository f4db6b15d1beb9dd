import type { Counts, Coverage } from "./coverage.js";
import { settlePromises, type VirtualTime } from "./virtual-time.js";
import { warmUp } from "./warm-up.js";

/** How a scenario went. */
export interface ScenarioResult<Each extends string> {
  /** What was done wrong; `undefined` when nothing. */
  readonly failure: Error | undefined;
  /** What happened, in order. */
  readonly trace: readonly string[];
  /** What was come across, and how often. */
  readonly counts: Counts<Each>;
}

/** A world in virtual time. */
export interface Played<Each extends string> {
  readonly time: VirtualTime;
  readonly trace: readonly string[];
  readonly coverage: Coverage<Each>;
  /** Takes down what went wrong where nobody could be told. */
  fail(error: unknown): void;
  note(text: string): void;
  /** Lets `ms` pass, with a look after each thing that happens. */
  pass(ms: number): Promise<void>;
}

/** What happens to it. */
export interface Script<Action> {
  begin?(): Promise<void>;
  act(action: Action): Promise<void> | void;
  /** Mends everything, waits until it is quiet, and compares the sides. */
  settle(): Promise<void>;
  /** Gives everything back: nothing may be left on either side. */
  end(): Promise<void>;
}

/**
 * Plays a scenario from its beginning to the moment when everything was given back. The same seed and actions give the
 * same run, to the letter of its trace.
 */
export async function play<Action, Each extends string>(
  create: () => { readonly world: Played<Each>; readonly script: Script<Action> },
  actions: readonly Action[],
): Promise<ScenarioResult<Each>> {
  await warmUp();
  const { world, script } = create();
  const restore = world.time.install();
  const onRejection = (error: unknown): void => world.fail(error);
  process.on("unhandledRejection", onRejection);
  let failure: Error | undefined;
  try {
    await script.begin?.();
    for (const action of actions) {
      world.note(JSON.stringify(action));
      await script.act(action);
      await world.pass(0);
    }
    await script.settle();
    await script.end();
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  } finally {
    await settlePromises();
    process.off("unhandledRejection", onRejection);
    restore();
  }
  return { failure, trace: world.trace, counts: world.coverage.counts };
}
