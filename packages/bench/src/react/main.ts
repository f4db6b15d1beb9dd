/**
 * How long it takes from a frame's arrival until the DOM shows what it tells of: @musubi/react against TanStack Query,
 * Zustand and a naive context, production builds all, each parsing a frame of the same size. In Chromium when there is
 * one, else in jsdom, which says so on stderr. Run with `--json` for one JSON array of rows.
 */
import { print, type Row, rowOf } from "../report.js";
import { median, type Timing } from "../measure.js";
import { buildPage } from "./build-page.js";
import { type Host, openHost } from "./host.js";
import type { BenchPage, CaseName, SubjectName } from "./page.js";

const SUBJECTS: readonly SubjectName[] = ["ours", "zustand", "@tanstack/react-query", "context"];
const CASES: readonly (readonly [CaseName, size: number])[] = [
  ["one-row", 1_000],
  ["one-row", 10_000],
  ["stream-append", 1_000],
];
const WARM_UPS = 6;
const ROUNDS = 21;
const PER_ROUND = 20;
/** A subject that takes longer than this per change has fewer changes and rounds. */
const SLOW_MS = 10;
const SLOW_PER_ROUND = 3;
const SLOW_ROUNDS = 7;

/**
 * Times all subjects in interleaved rounds, each in a page of its own, as apps have one library each: neither garbage
 * nor what the engine learned from one weighs on another.
 */
async function measureCase(host: Host, name: CaseName, size: number): Promise<Timing[]> {
  const pages: BenchPage[] = [];
  for (const subject of SUBJECTS) {
    const page = await host.open();
    await page.begin(subject, name, size);
    pages.push(page);
  }
  const times = SUBJECTS.map((): number[] => []);
  const isSlow = SUBJECTS.map(() => false);
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (let turn = 0; turn < pages.length; turn++) {
      const at = (turn + round + WARM_UPS) % pages.length;
      const own = times[at] as number[];
      if (isSlow[at] && own.length >= SLOW_ROUNDS) continue;
      const middle = await (pages[at] as BenchPage).run(isSlow[at] ? SLOW_PER_ROUND : PER_ROUND);
      isSlow[at] ||= middle > SLOW_MS;
      if (round >= 0) own.push(middle * 1e6);
    }
  }
  await host.closeAll();
  return SUBJECTS.map((subject, at) => ({ name: subject, median: median(times[at] ?? []), rounds: times[at] ?? [] }));
}

async function allRows(): Promise<Row[]> {
  const host = await openHost(await buildPage());
  const rows: Row[] = [];
  try {
    for (const [name, size] of CASES) {
      const [ours, ...peers] = (await measureCase(host, name, size)) as [Timing, ...Timing[]];
      const place = { bench: "react", case: name, size };
      rows.push(...peers.map((peer) => rowOf(place, ours, peer)));
      process.stderr.write(`${host.name}, ${name} of ${size}: ${[ours, ...peers].map(inMs).join(", ")}\n`);
    }
  } finally {
    await host.close();
  }
  return rows;
}

function inMs({ name, median: middle }: Timing): string {
  return `${name} ${(middle / 1e6).toFixed(3)} ms`;
}

print(await allRows(), process.argv.includes("--json"));
