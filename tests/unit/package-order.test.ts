import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// The rules are proved by breaking them: a copy of the lint configuration judges a made-up workspace in a
// temporary folder, through the same command line that `npm run lint` calls.
const repository = fileURLToPath(new URL("../../", import.meta.url));
const oxlint = join(repository, "node_modules/oxlint/bin/oxlint");
const packages = ["protocol", "client", "react", "server", "testing", "demo", "bench", "tests"];

/** What the sources of each package may import, and what its tests may import on top of that. */
const order: Record<string, { sources: readonly string[]; tests: readonly string[] }> = {
  protocol: { sources: [], tests: ["protocol", "testing"] },
  client: { sources: ["protocol"], tests: ["protocol", "client", "testing"] },
  react: { sources: ["protocol", "client"], tests: ["protocol", "client", "react", "testing"] },
  server: { sources: ["protocol"], tests: ["protocol", "server", "testing"] },
  testing: {
    sources: ["protocol", "client", "react", "server", "testing"],
    tests: ["protocol", "client", "react", "server", "testing"],
  },
};

const files: Record<string, string> = {
  "packages/client/src/by-path.ts": 'import { a } from "../../server/src/a.js";\nexport const b = a;\n',
  "packages/client/src/deep/from-barrel.ts": 'import { a } from "../index.js";\nexport const b = a;\n',
  "packages/client/src/from-file.ts": 'import { a } from "./indexes.js";\nexport const b = a;\n',
  "packages/client/src/through-face.test.ts": 'import { a } from "./index.js";\nexport const b = a;\n',
  "packages/client/src/shared.test.util.ts": 'import { a } from "@musubi/testing";\nexport const b = a;\n',
  "packages/client/src/star.ts": 'export * from "./from-file.js";\n',
  "packages/server/src/chatty.ts": 'export const say = (): void => console.log("here");\n',
  "packages/server/src/logger.ts": 'export const say = (): void => console.log("here");\n',
  "packages/server/src/loose.ts": "export const loose = (value: any): unknown => value;\n",
  "packages/server/src/forgotten.ts": "export const start = (): void => {\n  Promise.resolve(1);\n};\n",
  "packages/react/src/use-sometimes.ts":
    'import { useState } from "react";\nexport const useSometimes = (on: boolean): unknown => (on ? useState(0) : undefined);\n',
};

for (const name of Object.keys(order)) {
  for (const kind of ["sources", "tests"] as const) {
    for (const target of packages) {
      for (const path of [target, `${target}/sub`]) {
        const file = `packages/${name}/src/${importer(kind, path)}`;
        files[file] = `import { a } from "@musubi/${path}";\nexport const b = a;\n`;
      }
    }
  }
}

function importer(kind: "sources" | "tests", path: string): string {
  return `${path.replace("/", "-")}${kind === "tests" ? ".test" : ""}.ts`;
}

let folder: string;
/** The rules that each file breaks. */
let broken: Map<string, string[]>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "musubi-lint-"));
  await copyFile(join(repository, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  broken = await lint(folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function lint(cwd: string): Promise<Map<string, string[]>> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [oxlint, "-f", "json"], { cwd, maxBuffer: 1 << 26 }, (_failed, stdout, stderr) => {
      try {
        const rules = new Map<string, string[]>();
        const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
        for (const { code, filename } of diagnostics) rules.set(filename, [...(rules.get(filename) ?? []), code]);
        resolve(rules);
      } catch (cause) {
        reject(new Error(`oxlint gave no report: ${stdout}${stderr}`, { cause }));
      }
    });
  });
}

const restricted = "eslint(no-restricted-imports)";
const rulesOf = (path: string): string[] => broken.get(path) ?? [];

describe.each(Object.entries(order))("package order: %s", (name, allowed) => {
  test.each(["sources", "tests"] as const)("its %s reach only the packages below", (kind) => {
    const reachable = packages.filter((target) =>
      [target, `${target}/sub`].every(
        (path) => !rulesOf(`packages/${name}/src/${importer(kind, path)}`).includes(restricted),
      ),
    );
    const refused = packages.filter((target) =>
      [target, `${target}/sub`].every((path) =>
        rulesOf(`packages/${name}/src/${importer(kind, path)}`).includes(restricted),
      ),
    );
    expect(reachable.toSorted()).toEqual([...allowed[kind]].toSorted());
    expect(refused).toEqual(packages.filter((target) => !allowed[kind].includes(target)));
  });
});

describe("rules for every library source", () => {
  test.each([
    ["another package is reached by name, not by path", "packages/client/src/by-path.ts", restricted],
    ["inside a package the file is imported, not the barrel", "packages/client/src/deep/from-barrel.ts", restricted],
    ["an index lists its names by hand", "packages/client/src/star.ts", "oxc(no-barrel-file)"],
    ["a library does not write to the console", "packages/server/src/chatty.ts", "eslint(no-console)"],
    ["any is not a type", "packages/server/src/loose.ts", "typescript(no-explicit-any)"],
    ["no promise is forgotten", "packages/server/src/forgotten.ts", "typescript(no-floating-promises)"],
    ["hooks are not called conditionally", "packages/react/src/use-sometimes.ts", "react-hooks(rules-of-hooks)"],
  ])("%s", (_rule, path, code) => {
    expect(rulesOf(path)).toContain(code);
  });

  test.each([
    ["a plain import of a neighbour", "packages/client/src/from-file.ts"],
    ["a test that uses the public face", "packages/client/src/through-face.test.ts"],
    ["what several tests share", "packages/client/src/shared.test.util.ts"],
    ["the logger, whose job the console is", "packages/server/src/logger.ts"],
  ])("leaves alone %s", (_what, path) => {
    expect(rulesOf(path)).toEqual([]);
  });
});
