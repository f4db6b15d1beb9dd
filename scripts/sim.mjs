// `pnpm sim --runs 20000 --seed 1`: simulates the client against a model server, from the sources; with
// `--server real` several clients against the real one.
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { orUsage } from "./arguments.mjs";
import { requireNode, root } from "./workspace.mjs";

requireNode();
const { runs, seed, trace, isReal } = orUsage(() => {
  const { values } = parseArgs({
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      trace: { type: "boolean" },
      server: { type: "string" },
    },
  });
  const server = values.server ?? "model";
  if (!["model", "real"].includes(server)) throw new Error(`--server takes "model" or "real", not "${server}".`);
  return {
    runs: count(values.runs, "1000"),
    seed: count(values.seed, "1"),
    trace: values.trace === true,
    isReal: server === "real",
  };
});

const { createViteServer } = await import("vitest/node");
const server = await createViteServer({
  root,
  configFile: false,
  logLevel: "error",
  appType: "custom",
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  // As in vitest.config.ts: `@musubi/*` leads to the sources.
  ssr: {
    noExternal: [/^@musubi\//],
    resolve: { conditions: ["@musubi/source", "node", "module", "import", "default"] },
  },
});
const module = await server.ssrLoadModule(resolve(root, "tests/simulation/run-many.ts"));
const { simulate, describeCoverage, describeFailure, WITH_MODEL_SERVER, WITH_REAL_SERVER } =
  /** @type {typeof import("../tests/simulation/run-many.js")} */ (module);

const startedAt = performance.now();
/** @type {import("../tests/simulation/run-many.js").Simulation<any, any>} */
const simulation = isReal ? WITH_REAL_SERVER : WITH_MODEL_SERVER;
const result = await simulate(simulation, {
  runs,
  seed,
  onProgress: (done, failed) => console.error(`${done} of ${runs} runs, ${failed} divergences`),
});
for (const failure of result.failures) {
  console.log(describeFailure(failure));
  if (trace) for (const line of failure.trace) console.log(`    ${line}`);
}
console.log(describeCoverage(simulation, result));
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
console.log(`${result.runs} runs from seed ${seed}, ${result.failures.length} divergences, ${seconds} s`);
await server.close();
process.exitCode = result.failures.length === 0 ? 0 : 1;

/**
 * @param {string | undefined} given
 * @param {string} otherwise
 */
function count(given, otherwise) {
  const text = given ?? otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--runs and --seed take a whole number, not "${text}".`);
  return Number(text);
}
