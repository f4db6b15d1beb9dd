import { execFile, execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startUploadServer } from "./support/upload-server.js";

const MiB = 1024 * 1024;
const REPO = resolve(import.meta.dirname, "../..");
const CLIENT = resolve(import.meta.dirname, "support/upload-memory-client.mjs");

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "musubi-upload-"));
  // The child is plain Node, on what is built.
  execFileSync(process.execPath, [resolve(REPO, "node_modules/typescript/bin/tsc"), "-b", "packages/client"], {
    cwd: REPO,
  });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of random bytes, and their SHA-256. */
function writeFile(path: string, size: number): string {
  const hash = createHash("sha256");
  const file = openSync(path, "w");
  for (let at = 0; at < size; at += MiB) {
    const part = randomBytes(Math.min(MiB, size - at));
    hash.update(part);
    writeSync(file, part);
  }
  closeSync(file);
  return hash.digest("hex");
}

test("client.md 16: a file of 256 MiB costs its client 32 MiB at most, and arrives as it is", async () => {
  const path = join(folder, "large.bin");
  const hash = writeFile(path, 256 * MiB);
  const server = await startUploadServer({ chunkBytes: 256 * 1024 });
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [CLIENT, server.url, path], {
      // The child finds the packages where the tests do.
      cwd: resolve(REPO, "tests"),
      env: { ...process.env, NODE_ENV: "production", NODE_NO_WARNINGS: "1" },
    });
    const { growth, size } = JSON.parse(stdout) as { growth: number; size: number };
    expect(size).toBe(256 * MiB);
    const file = server.files.get("f2");
    expect(file).toMatchObject({ state: "complete", received: 256 * MiB });
    expect(file?.hash.digest("hex")).toBe(hash);
    expect(growth, `it grew by ${(growth / MiB).toFixed(1)} MiB`).toBeLessThanOrEqual(32 * MiB);
  } finally {
    await server.close();
  }
}, 120_000);
