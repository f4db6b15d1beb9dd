import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { demoSourcesHash } from "../../../scripts/demo.mjs";
import { installReason, recordInstall } from "../../../scripts/install.mjs";
import { filesUnder, hashOf, isStamped, stamp } from "../../../scripts/stamp.mjs";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "musubi-stamp-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const put = async (path: string, text: string, base = folder): Promise<string> => {
  await mkdir(join(base, path, ".."), { recursive: true });
  await writeFile(join(base, path), text);
  return join(base, path);
};

test("a hash follows contents and names, not dates and not the folder it lies in", async () => {
  const file = await put("one/a.txt", "text");
  const before = hashOf(join(folder, "one"), [file]);
  await utimes(file, 1, 1);
  expect(hashOf(join(folder, "one"), [file])).toBe(before);
  await cp(join(folder, "one"), join(folder, "two"), { recursive: true });
  expect(hashOf(join(folder, "two"), [join(folder, "two/a.txt")])).toBe(before);

  await put("one/a.txt", "other");
  expect(hashOf(join(folder, "one"), [file])).not.toBe(before);
  expect(hashOf(join(folder, "two"), [join(folder, "two/a.txt")], ["more"])).not.toBe(before);
});

test("text that moves from one file to the next, and a file that goes missing, change the hash", async () => {
  const first = await put("a", "xy");
  const second = await put("b", "z");
  const whole = hashOf(folder, [first, second]);
  await put("a", "x");
  await put("b", "yz");
  expect(hashOf(folder, [first, second])).not.toBe(whole);

  await put("b", "");
  const empty = hashOf(folder, [first, second]);
  await rm(second);
  expect(hashOf(folder, [first, second])).not.toBe(empty);
});

test("a stamp holds for the hash it was made with and no other", () => {
  const path = join(folder, "deep/stamp");
  expect(isStamped(path, "abc")).toBe(false);
  stamp(path, "abc");
  expect(isStamped(path, "abc")).toBe(true);
  expect(isStamped(path, "abd")).toBe(false);
});

test("folders that are not entered are not walked", async () => {
  await put("src/a.ts", "");
  await put("src/deep/b.ts", "");
  await put("node_modules/c.ts", "");
  await put("src/d.md", "");
  const found = filesUnder(
    folder,
    (name) => name.endsWith(".ts"),
    (name) => name !== "node_modules",
  );
  expect(found).toEqual([join(folder, "src/a.ts"), join(folder, "src/deep/b.ts")]);
  expect(filesUnder(join(folder, "nowhere"), () => true)).toEqual([]);
});

test("the demo is built again for a source or a setting, not for a test, a README or build output", async () => {
  await put("pnpm-lock.yaml", "lock");
  await put("packages/demo/src/server/main.ts", "one");
  const before = demoSourcesHash(folder);
  await put("packages/demo/src/server/main.test.ts", "test");
  await put("packages/demo/README.md", "words");
  await put("packages/demo/dist/server/main.js", "built");
  await put("packages/demo/tsconfig.page.tsbuildinfo", "built");
  await put("packages/demo/node_modules/x/index.js", "installed");
  expect(demoSourcesHash(folder)).toBe(before);

  for (const path of ["packages/protocol/src/new.ts", "packages/demo/tsconfig.json", "pnpm-lock.yaml"]) {
    const last = demoSourcesHash(folder);
    await put(path, "new");
    expect(demoSourcesHash(folder), path).not.toBe(last);
  }
});

async function workspace(): Promise<void> {
  await put("package.json", '{"devDependencies":{"vitest":"1"}}');
  await put("packages/one/package.json", '{"dependencies":{"ws":"1"}}');
  await put("packages/bare/package.json", "{}");
  await put("pnpm-lock.yaml", "lock");
  await put("pnpm-workspace.yaml", "packages: []");
  await put("node_modules/.modules.yaml", "{}");
  await mkdir(join(folder, "packages/one/node_modules"));
}

test("a workspace that was installed needs no install until something it depends on changes", async () => {
  await workspace();
  recordInstall(folder);
  expect(installReason(folder)).toBeUndefined();

  for (const path of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "packages/bare/package.json"]) {
    recordInstall(folder);
    await put(path, path.endsWith("json") ? '{"name":"bare"}' : "changed");
    expect(installReason(folder), path).toBe("the lockfile or a package.json has changed");
  }
});

test("an install is needed when node_modules is missing, at the top or in a package that has dependencies", async () => {
  await workspace();
  recordInstall(folder);
  await rm(join(folder, "packages/one/node_modules"), { recursive: true });
  expect(installReason(folder)).toBe("packages/one has no node_modules");
  await rm(join(folder, "node_modules"), { recursive: true });
  expect(installReason(folder)).toBe("nothing is installed yet");
});

test("a package that is new needs an install", async () => {
  await workspace();
  recordInstall(folder);
  await put("packages/two/package.json", "{}");
  expect(installReason(folder)).toBe("the lockfile or a package.json has changed");
});
