import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

// Tests run on the sources: the condition leads `@musubi/*` imports to `src`, so nothing has to be built first.
const conditions = ["@musubi/source", "module", "import", "default"];

const project = (test: NonNullable<TestProjectInlineConfiguration["test"]>): TestProjectInlineConfiguration => ({
  resolve: { conditions: [...conditions, "browser"] },
  ssr: { resolve: { conditions: [...conditions, "node"] } },
  // What is awaited comes in milliseconds; only a busy machine needs more, and a longer limit costs a good run nothing.
  test: { expect: { poll: { timeout: 15_000 } }, ...test },
});

export default defineConfig({
  test: {
    projects: [
      project({
        name: "unit",
        include: ["packages/*/src/**/*.test.ts", "tests/unit/**/*.test.ts"],
        environment: "node",
      }),
      project({
        name: "dom",
        include: ["packages/*/src/**/*.test.tsx"],
        environment: "jsdom",
      }),
      project({
        name: "interop",
        include: ["tests/interop/**/*.test.ts", "tests/packages/**/*.test.ts"],
        environment: "node",
        testTimeout: 30_000,
      }),
      project({
        name: "e2e",
        include: ["tests/e2e/**/*.test.ts"],
        environment: "node",
        testTimeout: 300_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        // A browser on a shared machine now and then loses an input event; a test that fails twice is wrong.
        retry: process.env["CI"] === undefined ? 0 : 1,
      }),
    ],
  },
});
