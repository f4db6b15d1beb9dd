import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { findChromium } from "../../../scripts/find-chromium.mjs";

const having = (...paths: string[]) => {
  const present = new Set(paths);
  return (path: string): boolean => present.has(path);
};

test("CHROMIUM_PATH goes before everything else", () => {
  const env = { CHROMIUM_PATH: "/my/chrome", PATH: "/bin" };
  expect(findChromium(env, having("/my/chrome", "/bin/chromium"))).toBe("/my/chrome");
});

test("a CHROMIUM_PATH that leads nowhere is an error, not a reason to take another browser", () => {
  const env = { CHROMIUM_PATH: "/my/chrome", PATH: "/bin" };
  expect(() => findChromium(env, having("/bin/chromium"))).toThrow("CHROMIUM_PATH is /my/chrome");
});

test("on PATH, Chromium goes before Chrome and an earlier folder before a later one", () => {
  const env = { PATH: ["/one", "/two"].join(delimiter) };
  expect(findChromium(env, having("/one/google-chrome", "/two/chromium"))).toBe("/two/chromium");
  expect(findChromium(env, having("/one/chromium", "/two/chromium"))).toBe("/one/chromium");
});

test("the usual places are looked at when PATH does not lead there", () => {
  expect(findChromium({ PATH: "" }, having("/usr/bin/chromium"))).toBe("/usr/bin/chromium");
  expect(findChromium({}, having("/opt/google/chrome/chrome"))).toBe("/opt/google/chrome/chrome");
});

test("a machine without one gives undefined, and an empty CHROMIUM_PATH is no choice", () => {
  expect(findChromium({ PATH: "/bin", CHROMIUM_PATH: "" }, having())).toBeUndefined();
});

test("what counts is a file that can be run: neither a folder nor a plain file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "musubi-chromium-"));
  try {
    const file = join(folder, "chromium");
    await writeFile(file, "#!/bin/sh\n", { mode: 0o644 });
    expect(() => findChromium({ CHROMIUM_PATH: file })).toThrow("not a program");
    expect(() => findChromium({ CHROMIUM_PATH: folder })).toThrow("not a program");
    await chmod(file, 0o755);
    expect(findChromium({ CHROMIUM_PATH: file })).toBe(file);
    expect(findChromium({ PATH: folder })).toBe(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
