// Runs stages one after the other, stops at the first that fails, and sums up: a table, then one plain line
// "N passed, N failed" that counts tests, which CI reads.
import { seconds } from "./workspace.mjs";

/**
 * What a stage ended in. `note` says more: why it failed or was left out, what was seen.
 * @typedef {object} Outcome
 * @property {"passed" | "failed" | "left out"} status
 * @property {string} [note]
 * @property {{ passed: number, failed: number }} [tests] for stages that run tests
 *
 * @typedef {object} Stage
 * @property {string} name as `--only` takes it
 * @property {string} title what it looks at, for the table
 * @property {() => Promise<Outcome>} run
 *
 * @typedef {Stage & { outcome: Outcome | undefined, ms: number }} Result `outcome` is undefined when not run
 */

/**
 * Runs the stages and resolves with what became of each.
 * @param {readonly Stage[]} stages
 * @param {(line: string) => void} print
 * @param {() => number} [now]
 * @returns {Promise<Result[]>}
 */
export async function runStages(stages, print, now = Date.now) {
  /** @type {Result[]} */
  const results = [];
  let failed = false;
  for (const stage of stages) {
    if (failed) {
      results.push({ ...stage, outcome: undefined, ms: 0 });
      continue;
    }
    const started = now();
    print(`\n[${results.length + 1}/${stages.length}] ${stage.name}: ${stage.title}`);
    const outcome = await stage.run().catch(asFailure);
    const ms = now() - started;
    print(`[${results.length + 1}/${stages.length}] ${stage.name}: ${outcome.status} after ${seconds(ms)}`);
    failed = outcome.status === "failed";
    results.push({ ...stage, outcome, ms });
  }
  return results;
}

/** @returns {Outcome} */
function asFailure(/** @type {unknown} */ error) {
  return { status: "failed", note: error instanceof Error ? error.message : String(error) };
}

/** Whether no stage failed; one that was left out is no failure. */
export function hasPassed(/** @type {readonly Result[]} */ results) {
  return results.every(({ outcome }) => outcome !== undefined && outcome.status !== "failed");
}

/**
 * The tests of all stages. A stage that fails without naming a failed test (a lint error, a test file that does
 * not load) counts as one, so that "0 failed" is never said of a run that failed.
 * @param {readonly Result[]} results
 */
export function countTests(results) {
  const total = { passed: 0, failed: 0 };
  for (const { outcome } of results) {
    const { passed = 0, failed = 0 } = outcome?.tests ?? {};
    total.passed += passed;
    total.failed += outcome?.status === "failed" ? Math.max(failed, 1) : failed;
  }
  return total;
}

/**
 * The table of stages, the sentence on the first failure and the closing line.
 * @param {readonly Result[]} results
 * @returns {string[]}
 */
export function summary(results) {
  const rows = results.map(({ name, outcome, ms }) => {
    const { passed, failed } = outcome?.tests ?? {};
    const tests = passed === undefined ? "" : `${passed} passed, ${failed} failed`;
    return [
      name,
      outcome?.status ?? "not run",
      outcome ? seconds(ms) : "",
      [tests, outcome?.note].filter(Boolean).join("; "),
    ];
  });
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const failure = results.find(({ outcome }) => outcome?.status === "failed");
  const { passed, failed } = countTests(results);
  return [
    "",
    ...lines.map((line) => `  ${line}`),
    "",
    ...(failure
      ? [`Failed in "${failure.name}": see its output above. Once more, only this: npm test -- --only ${failure.name}`]
      : []),
    `${passed} passed, ${failed} failed`,
  ];
}
