/**
 * What one change costs the server, from its turn in the mailbox to its envelope, as a root grows: against the same
 * change in a root of 10 stores. Run with `--json` for one JSON array of rows.
 */
import { median, type Timing } from "../measure.js";
import { print, type Row, rowOf } from "../report.js";
import { mountRoots, type MountedRoots, type Place } from "./mounted-roots.js";
import { rowsOf, widthOf } from "./stores.js";

const SIZES = [10, 100, 1_000, 10_000];
const ROUNDS = 41;
const WARM_UPS = 10;
/** What a run of the largest takes at most: few changes tell enough of those that take long. */
const RUN_MS = 40;
const PER_RUN = 200;

type Change = (serial: number) => Readonly<Record<string, unknown>>;

interface Case {
  readonly case: string;
  readonly module: string;
  /** Which store of a root of so many changes. */
  storeId(stores: number): readonly string[];
  /** What it is assigned; every value really is another. */
  change(stores: number): Change;
}

const title: Change = (serial) => ({ title: `title ${serial}` });
const count: Change = (serial) => ({ count: serial });
const middle = (stores: number): number => Math.floor(stores / 2);

const CASES: readonly Case[] = [
  {
    // A field of a store among many, in a balanced list of lists.
    case: "one-assign",
    module: "Bench.Balanced",
    storeId: (stores) => {
      const at = middle(widthOf(stores));
      return [`g${at}`, `r${at * widthOf(stores) + at}`];
    },
    change: () => count,
  },
  {
    // A field of the root above them, which renders its own list anew.
    case: "one-assign-root",
    module: "Bench.Balanced",
    storeId: () => [],
    change: () => title,
  },
  {
    // A field of a store in one list of all.
    case: "one-assign-in-list",
    module: "Bench.Flat",
    storeId: (stores) => [`r${middle(stores)}`],
    change: () => count,
  },
  {
    // A field of the parent of such a list, whose children get the props that they had.
    case: "one-assign-above-list",
    module: "Bench.Flat",
    storeId: () => [],
    change: () => title,
  },
  {
    // One child of such a list gets another prop.
    case: "one-prop-in-list",
    module: "Bench.Flat",
    storeId: () => [],
    change: (stores) => {
      const rows = rowsOf(0, stores);
      return (serial) => ({
        rows: rows.map((row, at) => (at === middle(stores) ? { ...row, n: stores + serial } : row)),
      });
    },
  },
];

let serial = 0;

/** Rounds that go through all sizes, so that a slow spell of the machine hits each of them. */
async function time(of: Case, roots: MountedRoots): Promise<Timing[]> {
  const subjects = SIZES.map((stores) => {
    const place: Place = { module: of.module, id: String(stores), storeId: of.storeId(stores) };
    const change = of.change(stores);
    return { place, change, rounds: [] as number[], perRun: PER_RUN };
  });
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const subject = subjects[(turn + Math.max(0, round)) % subjects.length] as (typeof subjects)[number];
      const { place, change, rounds, perRun } = subject;
      const changes = Array.from({ length: perRun }, () => change((serial += 1)));
      const spent = await roots.change(place, (at) => changes[at] as object as Record<string, unknown>, perRun);
      if (round >= 0) rounds.push(spent);
      else subject.perRun = Math.max(5, Math.min(PER_RUN, Math.floor((RUN_MS * 1e6) / spent)));
    }
  }
  return subjects.map(({ rounds }) => ({ name: "ours", median: median(rounds), rounds }));
}

const rows: Row[] = [];
for (const of of CASES) {
  const roots = await mountRoots(SIZES.map((stores) => ({ module: of.module, id: String(stores) })));
  const timings = await time(of, roots);
  await roots.close();
  const [least] = timings as [Timing, ...Timing[]];
  for (const [at, timing] of timings.entries()) {
    const place = { bench: "server", case: of.case, size: SIZES[at] as number };
    rows.push(rowOf(place, timing, { ...least, name: `ours-${SIZES[0]}` }));
    if (!process.argv.includes("--json"))
      process.stderr.write(`${of.case} ${SIZES[at]}: ${Math.round(timing.median)} ns\n`);
  }
}
print(rows, process.argv.includes("--json"));
