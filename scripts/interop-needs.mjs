// What of the interop tests is left out on a machine that has not all the servers they start.
import { howToGetNginx } from "./find-nginx.mjs";
import { howToGetRedis } from "./find-redis.mjs";

const needs = /** @type {const} */ ([
  {
    program: "redis",
    required: "MUSUBI_REQUIRE_REDIS",
    files: ["tests/interop/valkey*.test.ts", "tests/interop/deploy*.test.ts"],
    note: `PubSub between processes left out, no redis-server found: ${howToGetRedis}`,
  },
  {
    program: "nginx",
    required: "MUSUBI_REQUIRE_NGINX",
    files: ["tests/interop/deploy*.test.ts"],
    note: `deployment left out, no nginx found: ${howToGetNginx}`,
  },
]);

/**
 * The test files to exclude and what to say of them. CI says that it counts on a program: then nothing is left out for
 * want of it, and the tests fail. At a desk those that need none are worth running alone.
 * @param {{ readonly redis: string | undefined, readonly nginx: string | undefined }} found paths of the programs
 * @param {Record<string, string | undefined>} [env]
 * @returns {{ excluded: readonly string[], notes: readonly string[] }}
 */
export function leftOut(found, env = process.env) {
  const missing = needs.filter(({ program, required }) => found[program] === undefined && env[required] !== "1");
  return { excluded: [...new Set(missing.flatMap(({ files }) => files))], notes: missing.map(({ note }) => note) };
}
