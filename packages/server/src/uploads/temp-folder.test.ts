import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LogRecorder, ManualClock, turns } from "../stores/store-client.test.util.js";
import { TempFile } from "./temp-file.js";
import { TempFolder } from "./temp-folder.js";

const TTL = 600_000;

let directory: string;
let clock: ManualClock;
let log: LogRecorder;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "musubi-folder-"));
  clock = new ManualClock();
  log = new LogRecorder();
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const create = (time = clock): TempFolder => new TempFolder({ directory, tokenTtlMs: TTL, clock: time, logger: log });

/** Makes a folder look as if its process had last been heard of so long ago. */
function age(path: string, ms: number): void {
  const then = (Date.now() - ms) / 1_000;
  utimesSync(path, then, then);
}

test("server.md 4: nothing is on the disk before it is needed, and nothing after the end", async () => {
  const folder = create();
  await folder.sweep();
  expect(readdirSync(directory)).toEqual([]);
  await Promise.all([folder.make(), folder.make()]);
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  const file = new TempFile(folder, "a");
  await file.write(new Uint8Array([1, 2, 3]), 0);
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  await file.close();
  await folder.close();
  expect(readdirSync(directory)).toEqual([]);
  expect(clock.pending).toBe(0);
  await expect(folder.make()).rejects.toThrow("closed");
});

test("server.md 4: a sweep takes the folders of those silent for two token lives, and nothing else", async () => {
  const living = create();
  const dead = create();
  const killedEarly = create();
  await Promise.all([living.make(), dead.make(), killedEarly.make()]);
  age(join(living.path, "heartbeat"), 2 * TTL - 60_000);
  age(join(dead.path, "heartbeat"), 2 * TTL + 60_000);
  // Killed before it had a heartbeat.
  rmSync(join(killedEarly.path, "heartbeat"));
  age(killedEarly.path, 2 * TTL + 60_000);
  mkdirSync(join(directory, "someone-elses"));
  writeFileSync(join(directory, "p-file"), "");
  age(join(directory, "someone-elses"), 10 * TTL);
  const own = create();
  await own.make();
  age(join(own.path, "heartbeat"), 10 * TTL);
  await own.sweep();
  const names = [living.path, own.path].map((path) => path.slice(directory.length + 1));
  expect(readdirSync(directory).sort()).toEqual([...names, "someone-elses", "p-file"].sort());
  expect(log.entries).toEqual([]);
});

test("server.md 4: the heart beats four times in a token's life, and each beat sweeps", async () => {
  const folder = create();
  await folder.make();
  const dead = create(new ManualClock());
  await dead.make();
  const beat = join(folder.path, "heartbeat");
  age(beat, 10 * TTL);
  age(join(dead.path, "heartbeat"), 10 * TTL);
  clock.advance(TTL / 4);
  await expect.poll(() => existsSync(dead.path)).toBe(false);
  expect(Date.now() - statSync(beat).mtimeMs).toBeLessThan(TTL);
  await expect.poll(() => clock.pending).toBe(1);
  await Promise.all([folder.close(), dead.close()]);
  expect(clock.pending).toBe(0);
});

test("server.md 4: a sweep of links follows none, and what cannot be swept is logged", async () => {
  const outside = mkdtempSync(join(tmpdir(), "musubi-outside-"));
  writeFileSync(join(outside, "precious"), "");
  age(outside, 10 * TTL);
  symlinkSync(outside, join(directory, `p-${"a".repeat(22)}`));
  await create().sweep();
  expect(readdirSync(outside)).toEqual(["precious"]);
  rmSync(outside, { recursive: true });
  writeFileSync(join(directory, "file"), "");
  const folder = new TempFolder({ directory: join(directory, "file"), tokenTtlMs: TTL, clock, logger: log });
  await folder.sweep();
  expect(log.entries.map(({ level }) => level)).toEqual(["warn"]);
  await expect(folder.make()).rejects.toThrow();
  await turns();
  expect(clock.pending).toBe(0);
});

test("server.md 4: what somebody has taken away is no upload with a hole in it, and the folder is made anew", async () => {
  const folder = create();
  const [begun, done, empty] = ["a", "b", "c"].map((name) => new TempFile(folder, name)) as [
    TempFile,
    TempFile,
    TempFile,
  ];
  await begun.write(new Uint8Array(3), 0);
  await begun.close();
  await done.write(new Uint8Array(3), 0);
  await done.close();
  rmSync(folder.path, { recursive: true });
  await expect(begun.write(new Uint8Array(3), 3)).rejects.toThrow("ENOENT");
  await expect(done.ensure(3)).rejects.toThrow("ENOENT");
  clock.advance(TTL / 4);
  await expect.poll(() => log.entries.length).toBe(1);
  await empty.ensure(0);
  await expect(begun.write(new Uint8Array(3), 3)).rejects.toThrow("ENOENT");
  expect(readdirSync(folder.path).sort()).toEqual(["c", "heartbeat"]);
  expect(clock.pending).toBe(1);
  await folder.close();
});

test("server.md 4: a file is written where it is told, goes on after a close, and never through a link", async () => {
  const folder = create();
  const file = new TempFile(folder, "a");
  await file.write(new Uint8Array([1, 2, 3]), 0);
  await file.close();
  await file.write(new Uint8Array([4, 5]), 3);
  await file.ensure(5);
  await expect(file.ensure(6)).rejects.toThrow("5 on the disk");
  await Promise.all([file.write(new Uint8Array(1_000_000), 5), file.remove()]);
  expect(readdirSync(folder.path)).toEqual(["heartbeat"]);
  symlinkSync(join(directory, "elsewhere"), join(folder.path, "b"));
  await expect(new TempFile(folder, "b").write(new Uint8Array(1), 0)).rejects.toThrow();
  expect(existsSync(join(directory, "elsewhere"))).toBe(false);
  await folder.close();
});
