// What `npm test` and `npm run check` share: read `--only`, install, run the stages, sum up.
import { orUsage, takeStages } from "./arguments.mjs";
import { ensureInstalled } from "./install.mjs";
import { hasPassed, runStages, summary } from "./stage-runner.mjs";
import { endWithNpm, requireNode } from "./workspace.mjs";

/**
 * Runs the chosen stages of those offered and sets the exit code.
 * @param {readonly import("./stage-runner.mjs").Stage[]} offered
 */
export async function main(offered) {
  requireNode();
  endWithNpm();
  const names = offered.map(({ name }) => name);
  const chosen = orUsage(() => takeStages(process.argv.slice(2), names));
  await ensureInstalled();
  const results = await runStages(
    offered.filter(({ name }) => chosen.includes(name)),
    console.log,
  );
  for (const line of summary(results)) console.log(line);
  process.exitCode = hasPassed(results) ? 0 : 1;
}
