import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Something that is timed: `prepare` is not, `run` is, and `prepare` hands it fresh input each time. */
export interface Timed<Input> {
  readonly name: string;
  /** How many operations one run does. */
  readonly operations: number;
  prepare(): Input;
  run(input: Input): unknown;
}

/** Nanoseconds per operation, one figure per round. */
export interface Timing {
  readonly name: string;
  readonly median: number;
  readonly rounds: readonly number[];
}

/** What keeps the results of runs reachable, so that none is optimised away. */
export const sink: { last: unknown } = { last: undefined };

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as (options: { type: "minor" }) => void;

/**
 * Times all subjects in interleaved rounds: a slow spell of the machine hits each of them. Rounds
 * before these warm up, at least `warmUps` of them and for `warmMs`: what is timed is a program that has run for a while.
 * Young garbage is collected before every run, so that none pays for another's; what its own run makes, it pays for. A subject that takes longer than
 * `slowMs` per run takes part in the first `slowRounds` rounds only.
 */
export function measure(
  subjects: readonly Timed<unknown>[],
  {
    rounds = 41,
    warmUps = 8,
    warmMs = 400,
    slowMs = 60,
    slowRounds = 5,
  }: { rounds?: number; warmUps?: number; warmMs?: number; slowMs?: number; slowRounds?: number } = {},
): Timing[] {
  const times = subjects.map((): number[] => []);
  const warmFrom = performance.now();
  for (let round = -warmUps; round < rounds; round++) {
    if (round === 0 && performance.now() - warmFrom < warmMs) round = -1;
    for (let turn = 0; turn < subjects.length; turn++) {
      const at = (turn + Math.max(0, round)) % subjects.length;
      const subject = subjects[at] as Timed<unknown>;
      const own = times[at] as number[];
      if (own.length >= slowRounds && median(own) * subject.operations > slowMs * 1e6) continue;
      const input = subject.prepare();
      // Twice: what survives both is old, as the state of a program that has run for a while is.
      gc({ type: "minor" });
      gc({ type: "minor" });
      const start = process.hrtime.bigint();
      sink.last = subject.run(input);
      const elapsed = Number(process.hrtime.bigint() - start) / subject.operations;
      if (round >= 0) own.push(elapsed);
    }
  }
  return subjects.map(({ name }, at) => ({
    name,
    median: median(times[at] as number[]),
    rounds: times[at] as number[],
  }));
}

/** The middle of `values`. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of `values` lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
