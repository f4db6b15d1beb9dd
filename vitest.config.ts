import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

// Tests run on the sources: the condition leads `@musubi/*` imports to `src`, so nothing has to be built first.
const conditions = ["@musubi/source", "module", "import", "default"];

const project = (
  test: NonNullable<TestProjectInlineConfiguration["test"]>,
  resolve: TestProjectInlineConfiguration["resolve"] = {},
): TestProjectInlineConfiguration => ({
  resolve: { conditions: [...conditions, "browser"], ...resolve },
  // What Node itself goes by: the "module" builds of some packages are none that it can load.
  ssr: { resolve: { conditions: [...conditions.filter((each) => each !== "module"), "node"] } },
  // What is awaited comes in milliseconds; only a busy machine needs more, and a longer limit costs a good run nothing.
  test: { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 15_000 } }, ...test },
});

const reactProject = (
  name: string,
  version: string,
  resolve?: TestProjectInlineConfiguration["resolve"],
): TestProjectInlineConfiguration =>
  project(
    {
      name,
      include: ["packages/*/src/**/*.test.tsx", "tests/react/**/*.test.tsx"],
      environment: "jsdom",
      env: { REACT_VERSION: version },
    },
    resolve,
  );

export default defineConfig({
  test: {
    projects: [
      project({
        name: "unit",
        include: ["packages/*/src/**/*.test.ts", "tests/unit/**/*.test.ts"],
        environment: "node",
      }),
      // The same tests on both versions of React that apps have.
      reactProject("dom", "19.3"),
      reactProject("dom-18", "18.3", {
        alias: [
          {
            find: /^(react|react-dom|use-sync-external-store|@testing-library\/react)(?=\/|$)/,
            replacement: `${import.meta.dirname}/tests/react18/node_modules/$1`,
          },
        ],
      }),
      project({
        name: "interop",
        include: ["tests/interop/**/*.test.ts", "tests/packages/**/*.test.ts"],
        environment: "node",
        testTimeout: 300_000,
      }),
      project({
        name: "e2e",
        include: ["tests/e2e/**/*.test.ts"],
        environment: "node",
        testTimeout: 300_000,
        fileParallelism: false,
        // A browser on a shared machine now and then loses an input event; a test that fails twice is wrong.
        retry: process.env["CI"] === undefined ? 0 : 1,
      }),
    ],
  },
});
