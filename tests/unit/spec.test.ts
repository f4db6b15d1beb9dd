import { readdirSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const REPO = resolve(import.meta.dirname, "../..");
const SPECS = [
  ...["cache", "connection", "root", "uploads"].map((folder) => `packages/client/src/${folder}/SPEC.md`),
  "packages/server/src/channels/presence/SPEC.md",
  "packages/server/src/stores/async/SPEC.md",
  "packages/server/src/stores/outlet/SPEC.md",
  "packages/server/src/uploads/SPEC.md",
];

/** Sources of the tests that a spec can name, by file name. */
const tests = new Map<string, string>();
for (const folder of [
  "packages/client/src",
  "packages/server/src/channels/presence",
  "packages/server/src/stores",
  "packages/server/src/transport",
  "packages/server/src/uploads",
  "tests/interop",
]) {
  for (const file of readdirSync(resolve(REPO, folder), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".test.ts")) continue;
    const source = readFileSync(resolve(REPO, folder, file), "utf8");
    tests.set(basename(file), `${tests.get(basename(file)) ?? ""}${source}`);
  }
}

/** The rules of a spec, each with the tests it names as `[file, test name]`. */
function rulesOf(spec: string): { readonly number: number; readonly tests: readonly [string, string][] }[] {
  const rules: { number: number; tests: [string, string][] }[] = [];
  for (const line of readFileSync(resolve(REPO, spec), "utf8").split("\n")) {
    const rule = /^(\d+)\. /.exec(line);
    if (rule !== null) rules.push({ number: Number(rule[1]), tests: [] });
    const [, file, name] = /^ +(\S+\.test\.ts): (.+)$/.exec(line) ?? [];
    if (file !== undefined && name !== undefined) rules.at(-1)?.tests.push([file, name]);
  }
  return rules;
}

describe.each(SPECS)("%s", (spec) => {
  const rules = rulesOf(spec);

  test("numbers its rules without a gap, and every rule names a test", () => {
    expect(rules.map(({ number }) => number)).toEqual(rules.map((_rule, index) => index + 1));
    expect(rules.filter((rule) => rule.tests.length === 0)).toEqual([]);
  });

  test.each(rules.flatMap((rule) => rule.tests))("%s has: %s", (file, name) => {
    expect(tests.get(file)).toContain(name);
  });
});
