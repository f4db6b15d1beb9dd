import { median } from "../measure.js";
import { type Case, CASES, SENDERS } from "./cases.js";
import type { Figure } from "./figure.js";
import type { LoadOptions } from "./load-options.js";
import { memoryFigures } from "./memory-figures.js";
import { type Memory, Pair, type Round } from "./pair.js";
import { processorShare, roundFigures, type Rounds } from "./round-figures.js";
import type { SubjectName } from "./subjects/subject.js";

/** Bytes of a text whose `{"text":"..."}` has 200. */
const TEXT_BYTES = 200 - '{"text":""}'.length;

/** About how long a round takes, in seconds, and how many there are at least and at most. */
const FLAT_OUT = { seconds: 0.05, least: 3, most: 400 };
const PACED = { seconds: 0.5, least: 3, most: 20 };

/** The share of a round that a server may wait, for its clients or for a processor, until it is worth a word. */
const MUCH_WAITING = 0.05;
const MUCH_OTHER_WORK = 0.2;

/** Measures everything; `tell` hears what is being done and what is doubtful. */
export async function measureLoad(options: LoadOptions, tell: (text: string) => void): Promise<Figure[]> {
  const pairs = new Map<SubjectName, Pair>();
  try {
    const memory = new Map<SubjectName, Memory>();
    for (const name of [...SENDERS, "stores"] as const) {
      tell(`connecting ${options.clients} clients: ${name}`);
      const pair = new Pair(name);
      pairs.set(name, pair);
      const roots = name === "stores" ? options.roots : 0;
      memory.set(name, await pair.connect(options.clients, roots));
    }
    const figures = memoryFigures(options, memory);
    for (const each of CASES) {
      tell(`${each.name}: ${each.title}`);
      const rounds = await runCase(each, pairs, options);
      if (!each.isPaced) tellOfDoubts(rounds, tell);
      figures.push(...roundFigures(each, targetsOf(each.subjects.at(-1), options), rounds));
    }
    return figures;
  } finally {
    for (const pair of pairs.values()) pair.stop();
  }
}

/** Runs a case's subjects in interleaved rounds: a slow spell of the machine hits each of them. */
async function runCase(each: Case, pairs: ReadonlyMap<SubjectName, Pair>, options: LoadOptions): Promise<Rounds> {
  const { seconds, least, most } = each.isPaced ? PACED : FLAT_OUT;
  const count = Math.min(most, Math.max(least, Math.round(options.seconds / seconds)));
  const textBytes = await textSizes(each, pairs, options);
  const run = async (name: SubjectName, ms: number): Promise<Round> => {
    const order = {
      kind: each.kind,
      perTick: each.perTick,
      ms,
      textBytes: textBytes.get(name) ?? TEXT_BYTES,
      targets: targetsOf(name, options),
    };
    return pairOf(pairs, name).round(each.isPaced ? { ...order, rate: options.rate } : order);
  };
  const rounds = new Map(each.subjects.map((name): [SubjectName, Round[]] => [name, []]));
  // The first round warms up and counts for nothing.
  for (let round = -1; round < count; round++) {
    for (let turn = 0; turn < each.subjects.length; turn++) {
      const name = each.subjects[(turn + round + 1) % each.subjects.length] as SubjectName;
      const result = await run(name, (options.seconds * 1e3) / count);
      if (round >= 0) rounds.get(name)?.push(result);
    }
  }
  return rounds;
}

/** Texts for which raw TCP writes as many bytes as an envelope has; nothing where all send the same. */
async function textSizes(
  each: Case,
  pairs: ReadonlyMap<SubjectName, Pair>,
  options: LoadOptions,
): Promise<ReadonlyMap<SubjectName, number>> {
  if (!each.subjects.includes("stores")) return new Map();
  const bytesOf = async (name: SubjectName): Promise<number> => {
    const targets = targetsOf(name, options);
    const order = { kind: each.kind, perTick: 1, ms: 1, textBytes: TEXT_BYTES, targets };
    const { clients } = await pairOf(pairs, name).round(order);
    return clients.bytes / clients.messages;
  };
  return new Map([["raw-tcp", Math.round(TEXT_BYTES + (await bytesOf("stores")) - (await bytesOf("raw-tcp")))]]);
}

function targetsOf(name: SubjectName | undefined, options: LoadOptions): number {
  return name === "stores" ? options.roots : options.clients;
}

function pairOf(pairs: ReadonlyMap<SubjectName, Pair>, name: SubjectName): Pair {
  const pair = pairs.get(name);
  if (pair === undefined) throw new Error(`${name} has not been started`);
  return pair;
}

function tellOfDoubts(rounds: Rounds, tell: (text: string) => void): void {
  let leastBusy = 1;
  for (const [name, own] of rounds) {
    const waited = median(own.map(({ server }) => server.waited));
    if (waited > MUCH_WAITING) tell(`  doubtful: the server of ${name} waited for its clients ${percent(waited)}`);
    else leastBusy = Math.min(leastBusy, median(own.map(processorShare)));
  }
  if (leastBusy < 1 - MUCH_OTHER_WORK) {
    tell(`  doubtful: a server had its processor only ${percent(leastBusy)}; read the rows with -cpu`);
  }
}

function percent(share: number): string {
  return `for ${Math.round(share * 100)} % of the time`;
}
