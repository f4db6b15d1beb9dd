// The one list of stages. `pnpm check` runs those that need no browser and no second server; `npm test` runs all.
import { auditOutcome, licencesOutcome } from "./dependencies.mjs";
import { ensureDemoBuilt } from "./demo.mjs";
import { findChromium, howToGetChromium } from "./find-chromium.mjs";
import { canInstallChromium, installChromium } from "./install-chromium.mjs";
import { ensureNginx } from "./install-nginx.mjs";
import { ensureRedis } from "./install-redis.mjs";
import { leftOut } from "./interop-needs.mjs";
import { packagesOutcome } from "./package-shape.mjs";
import { vitest } from "./vitest-stage.mjs";
import { run } from "./workspace.mjs";

/**
 * @typedef {import("./stage-runner.mjs").Outcome} Outcome
 * @typedef {import("./stage-runner.mjs").Stage & { suite: "check" | "test" }} SuiteStage
 */

/**
 * A stage of commands, which passes when each ends well.
 * @param {readonly (readonly [string, ...string[]])[]} lines
 * @returns {() => Promise<Outcome>}
 */
const commands =
  (...lines) =>
  async () => {
    for (const [command, ...args] of lines) {
      const { code } = await run(command, args);
      if (code !== 0) return { status: "failed", note: `${[command, ...args].join(" ")} ended with ${code}` };
    }
    return { status: "passed" };
  };

/** @type {() => Promise<Outcome>} */
const buildDemo = async () =>
  (await ensureDemoBuilt()) ? { status: "passed" } : { status: "failed", note: "the demo does not build" };

/** @type {() => Promise<Outcome>} */
const endToEnd = async () => {
  let browser = findChromium();
  if (browser === undefined && (await canInstallChromium())) browser = await installChromium();
  if (browser !== undefined) return vitest("e2e", ["e2e"], { CHROMIUM_PATH: browser });
  // CI says that it counts on a browser; at a desk the rest of the suite is worth running without one.
  const required = process.env["MUSUBI_REQUIRE_BROWSER"] === "1";
  return { status: required ? "failed" : "left out", note: `no browser found: ${howToGetChromium}` };
};

/** @type {() => Promise<Outcome>} */
const interop = async () => {
  const { excluded, notes } = leftOut({ redis: await ensureRedis(), nginx: await ensureNginx() });
  const outcome = await vitest(
    "interop",
    ["interop"],
    {},
    excluded.flatMap((files) => ["--exclude", files]),
  );
  return notes.length === 0 ? outcome : { ...outcome, note: [outcome.note, ...notes].filter(Boolean).join(", ") };
};

/** @type {readonly SuiteStage[]} */
export const stages = [
  {
    name: "format",
    suite: "check",
    title: "formatting, by biome (npm run format mends it)",
    run: commands(["biome", "format", "."]),
  },
  { name: "lint", suite: "check", title: "oxlint with types, package order included", run: commands(["oxlint"]) },
  {
    name: "types",
    suite: "check",
    title: "build of the packages; tests, type tests, scripts and the demo's page",
    run: commands(
      ["tsc", "-b"],
      ["tsc", "-p", "packages/demo/tsconfig.page.json"],
      ["tsc", "-p", "tsconfig.test.json"],
      ["tsc", "-p", "packages/demo/tsconfig.test.json"],
    ),
  },
  {
    name: "unit",
    suite: "check",
    title: "tests beside the sources, tests/unit",
    run: () => vitest("unit", ["unit", "dom", "dom-18"]),
  },
  { name: "packages", suite: "check", title: "the packed packages: publint, attw, plain Node", run: packagesOutcome },
  { name: "dead", suite: "check", title: "dead code and dependencies, by knip", run: commands(["knip"]) },
  { name: "sizes", suite: "check", title: "size budgets, by size-limit", run: commands(["tsc", "-b"], ["size-limit"]) },
  { name: "licences", suite: "check", title: "licences of what the packages depend on", run: licencesOutcome },
  {
    name: "audit",
    suite: "check",
    title: "known weaknesses of dependencies (a note, never a failure)",
    run: auditOutcome,
  },
  {
    name: "interop",
    suite: "test",
    title: "phoenix.js and our client against our server",
    run: interop,
  },
  { name: "demo", suite: "test", title: "build of the demo", run: buildDemo },
  { name: "e2e", suite: "test", title: "the demo in a real browser", run: endToEnd },
];
