import { describe, expect, test } from "vitest";
import { takePort, takeStages } from "../../../scripts/arguments.mjs";
import { isAccepted, jsonIn } from "../../../scripts/dependencies.mjs";
import {
  countTests,
  hasPassed,
  type Outcome,
  type Result,
  runStages,
  type Stage,
  summary,
} from "../../../scripts/stage-runner.mjs";
import { stages } from "../../../scripts/stages.mjs";
import { outcomeOf } from "../../../scripts/vitest-stage.mjs";
import { satisfiesNode, seconds } from "../../../scripts/workspace.mjs";

const stage = (name: string, outcome: Outcome | Error): Stage => ({
  name,
  title: `about ${name}`,
  run: () => (outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)),
});

const passed: Outcome = { status: "passed" };

async function results(...list: Stage[]): Promise<{ results: Result[]; printed: string[] }> {
  const printed: string[] = [];
  let time = 0;
  const ended = await runStages(
    list,
    (line) => printed.push(line),
    () => (time += 500),
  );
  return { results: ended, printed };
}

describe("the list of stages", () => {
  test("names are unique, and check is the part that needs no browser", () => {
    const names = stages.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(stages.filter(({ suite }) => suite === "check").map(({ name }) => name)).toEqual([
      "format",
      "lint",
      "types",
      "unit",
      "packages",
      "dead",
      "sizes",
      "licences",
      "audit",
    ]);
    expect(names.slice(-3)).toEqual(["interop", "demo", "e2e"]);
  });
});

describe("running stages", () => {
  test("all run in order, and the last line counts the tests of all", async () => {
    const { results: ended, printed } = await results(
      stage("lint", passed),
      stage("unit", { status: "passed", tests: { passed: 40, failed: 0 } }),
      stage("e2e", { status: "passed", tests: { passed: 2, failed: 0 } }),
    );
    expect(hasPassed(ended)).toBe(true);
    expect(printed).toContain("[2/3] unit: passed after 0.5 s");
    expect(summary(ended).at(-1)).toBe("42 passed, 0 failed");
  });

  test("the first failure stops the rest, which the table shows as not run", async () => {
    let ran = false;
    const later: Stage = { ...stage("later", passed), run: () => Promise.resolve(((ran = true), passed)) };
    const { results: ended } = await results(
      stage("unit", { status: "failed", tests: { passed: 40, failed: 3 } }),
      later,
    );
    expect(ran).toBe(false);
    expect(hasPassed(ended)).toBe(false);
    const lines = summary(ended);
    expect(lines).toContain("  unit   failed   0.5 s  40 passed, 3 failed");
    expect(lines).toContain("  later  not run");
    expect(lines.at(-2)).toContain('Failed in "unit"');
    expect(lines.at(-1)).toBe("40 passed, 3 failed");
  });

  test("a failure without a failed test counts as one, so that no failed run says 0 failed", async () => {
    const { results: ended } = await results(
      stage("unit", { status: "passed", tests: { passed: 40, failed: 0 } }),
      stage("sizes", { status: "failed", note: "too big" }),
    );
    expect(countTests(ended)).toEqual({ passed: 40, failed: 1 });
  });

  test("a stage left out is no failure and says why", async () => {
    const { results: ended } = await results(
      stage("e2e", { status: "left out", note: "no browser" }),
      stage("z", passed),
    );
    expect(hasPassed(ended)).toBe(true);
    expect(summary(ended)).toContain("  e2e  left out  0.5 s  no browser");
    expect(summary(ended).at(-1)).toBe("0 passed, 0 failed");
  });

  test("a stage that throws has failed with that message", async () => {
    const { results: ended } = await results(stage("demo", new Error("no disk")), stage("z", passed));
    expect(ended.map(({ outcome }) => outcome)).toEqual([{ status: "failed", note: "no disk" }, undefined]);
  });
});

describe("what vitest's report says", () => {
  const report = (changes: object): string =>
    JSON.stringify({
      numPassedTests: 5,
      numFailedTests: 0,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: [{ status: "passed", assertionResults: [{}] }],
      ...changes,
    });
  const unloaded = { status: "failed", assertionResults: [] };

  test.each<[string, number, string | undefined, Outcome]>([
    ["all passed", 0, report({}), { status: "passed", tests: { passed: 5, failed: 0 } }],
    ["some failed", 1, report({ numFailedTests: 2 }), { status: "failed", tests: { passed: 5, failed: 2 } }],
    [
      "a file that does not load is a failed test",
      1,
      report({ testResults: [unloaded] }),
      { status: "failed", tests: { passed: 5, failed: 1 }, note: "1 test files did not load" },
    ],
    [
      "an error outside of any test fails the stage",
      1,
      report({}),
      { status: "failed", tests: { passed: 5, failed: 0 }, note: "vitest ended with 1" },
    ],
    [
      "skipped tests are mentioned",
      0,
      report({ numPendingTests: 1, numTodoTests: 1 }),
      { status: "passed", tests: { passed: 5, failed: 0 }, note: "2 skipped" },
    ],
    [
      "no test at all is a failure",
      0,
      report({ numPassedTests: 0 }),
      { status: "failed", tests: { passed: 0, failed: 0 }, note: "no test ran" },
    ],
    ["no report is a failure", 1, undefined, { status: "failed", note: "vitest ended with 1 and left no report" }],
  ])("%s", (_case, code, text, outcome) => {
    expect(outcomeOf(code, text)).toEqual(outcome);
  });
});

describe("arguments", () => {
  test("--only picks stages in their own order; unknown ones are refused with the list", () => {
    const names = ["format", "lint", "unit"];
    expect(takeStages([], names)).toEqual(names);
    expect(takeStages(["--only", "unit, format"], names)).toEqual(["format", "unit"]);
    expect(takeStages(["--only=lint"], names)).toEqual(["lint"]);
    expect(() => takeStages(["--only", "units"], names)).toThrow("The stages are: format, lint, unit");
    expect(() => takeStages(["--only"], names)).toThrow("--only needs a value");
    expect(() => takeStages(["unit"], names)).toThrow("Unknown argument unit");
  });

  test("--port goes before PORT; the rest is handed on", () => {
    expect(takePort(["--port", "4100", "--open"], "80")).toEqual({ port: "4100", rest: ["--open"] });
    expect(takePort(["--port=0"])).toEqual({ port: "0", rest: [] });
    expect(takePort([], "4200")).toEqual({ port: "4200", rest: [] });
    expect(takePort([], "")).toEqual({ port: undefined, rest: [] });
    for (const wrong of ["65536", "-1", "http", "4e3", ""]) {
      expect(() => takePort([`--port=${wrong}`]), wrong).toThrow("from 0 to 65535");
    }
  });
});

describe("small judgements", () => {
  test.each([
    ["20.19.0", ">=20.19", true],
    ["20.18.3", ">=20.19", false],
    ["22.0.0", ">=20.19", true],
    ["18.20.0", ">=20.19", false],
    ["20.19.0", ">=20.19.1", false],
  ])("Node %s against %s: %s", (version, range, expected) => {
    expect(satisfiesNode(version, range)).toBe(expected);
  });

  test.each([
    ["MIT", true],
    ["(MIT OR GPL-3.0-only)", true],
    ["MIT AND Apache-2.0", true],
    ["MIT AND GPL-3.0-only", false],
    ["GPL-3.0-only", false],
    ["MPL-2.0", false],
    ["Unknown", false],
  ])("licence %s: %s", (expression, expected) => {
    expect(isAccepted(expression)).toBe(expected);
  });

  test("JSON is found behind npm's warnings, and its absence is seen", () => {
    expect(jsonIn('npm warn Unknown {config}\n{\n  "MIT": []\n}\n')).toEqual({ MIT: [] });
    expect(jsonIn("Error: 405")).toBeUndefined();
    expect(jsonIn("{ broken }")).toBeUndefined();
  });

  test.each([
    [40, "0.0 s"],
    [1_240, "1.2 s"],
    [59_000, "59 s"],
    [125_000, "2 min 5 s"],
  ])("%d ms reads as %s", (ms, text) => {
    expect(seconds(ms)).toBe(text);
  });
});
