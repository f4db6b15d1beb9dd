// Judges what the published packages pull in: their licences, and known weaknesses where the registry tells.
import { pnpm } from "./workspace.mjs";

/** @typedef {import("./stage-runner.mjs").Outcome} Outcome */

// Tools that are in nobody's bundle are devDependencies, which `--prod` leaves out: such as axe-core, which tests load
// into a browser (MPL-2.0). As a dependency of any package it would be refused.

/** Licences that ask for no more than a notice. Another one is a decision for people, not for a lockfile. */
const accepted = new Set([
  "MIT",
  "MIT-0",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "Unlicense",
]);

/**
 * Whether an SPDX expression can be met by accepted licences alone.
 * @param {string} expression such as "MIT" or "(MIT OR GPL-3.0)"
 */
export function isAccepted(expression) {
  const bare = expression.replaceAll(/[()]/g, " ").trim();
  return bare.split(/\s+OR\s+/).some((choice) => choice.split(/\s+AND\s+/).every((name) => accepted.has(name.trim())));
}

/** @returns {Promise<Outcome>} */
export async function licencesOutcome() {
  const { code, output } = await pnpm(["--recursive", "licenses", "list", "--prod", "--json"], { capture: true });
  const report = jsonIn(output);
  if (code !== 0 || report === undefined)
    return { status: "failed", note: `pnpm licenses ended with ${code}: ${output}` };
  let count = 0;
  const refused = [];
  for (const [licence, packages] of Object.entries(report)) {
    const names = packages.map((/** @type {{ name: string }} */ { name }) => name);
    count += names.length;
    if (!isAccepted(licence)) refused.push(`${licence}: ${names.join(", ")}`);
  }
  if (refused.length > 0) return { status: "failed", note: `not accepted: ${refused.join("; ")}` };
  return { status: "passed", note: `${count} packages, ${Object.keys(report).join(", ")}` };
}

/**
 * A weakness published overnight says nothing of the change being tested, so it is noted and does not fail.
 * @returns {Promise<Outcome>}
 */
export async function auditOutcome() {
  const { output } = await pnpm(["audit", "--prod", "--json"], { capture: true });
  const found = jsonIn(output)?.metadata?.vulnerabilities;
  if (found === undefined) return { status: "left out", note: "the registry does not answer audits from here" };
  const named = Object.entries(found).filter(([, count]) => Number(count) > 0);
  return { status: "passed", note: named.map(([level, count]) => `${count} ${level}`).join(", ") || "none known" };
}

/** The JSON object in an output that may begin with npm's warnings. */
export function jsonIn(/** @type {string} */ output) {
  const start = output.search(/^\{/m);
  const end = output.lastIndexOf("}");
  if (start < 0 || end < start) return undefined;
  try {
    return JSON.parse(output.slice(start, end + 1));
  } catch {
    return undefined;
  }
}
