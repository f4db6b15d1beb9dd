// Runs vitest projects: the usual report on the screen, a JSON one in artifacts/tests to count from.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./workspace.mjs";

/** @typedef {import("./stage-runner.mjs").Outcome} Outcome */

/**
 * @param {string} name of the report
 * @param {readonly string[]} projects
 * @param {Record<string, string>} [env]
 * @param {readonly string[]} [args] more for vitest
 * @returns {Promise<Outcome>}
 */
export async function vitest(name, projects, env = {}, args = []) {
  const report = join(root, "artifacts/tests", `${name}.json`);
  rmSync(report, { force: true });
  const selected = projects.flatMap((project) => ["--project", project]);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { code } = await run("vitest", ["run", ...selected, ...reporters, ...args], { env });
  return outcomeOf(code, existsSync(report) ? readFileSync(report, "utf8") : undefined);
}

/**
 * What vitest's exit code and JSON report say together.
 * @param {number} code
 * @param {string | undefined} report
 * @returns {Outcome}
 */
export function outcomeOf(code, report) {
  if (report === undefined) return { status: "failed", note: `vitest ended with ${code} and left no report` };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(report);
  const unloaded = testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
      file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  const notes = [];
  if (unloaded > 0) notes.push(`${unloaded} test files did not load`);
  if (numPendingTests + numTodoTests > 0) notes.push(`${numPendingTests + numTodoTests} skipped`);
  if (code === 0 && numPassedTests === 0) notes.push("no test ran");
  if (code !== 0 && numFailedTests + unloaded === 0) notes.push(`vitest ended with ${code}`);
  return {
    status: code === 0 && numPassedTests > 0 ? "passed" : "failed",
    tests: { passed: numPassedTests, failed: numFailedTests + unloaded },
    ...(notes.length > 0 ? { note: notes.join(", ") } : {}),
  };
}
