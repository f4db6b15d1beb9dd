import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openAsBlob,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type AnyRegistry, connect, type UploadHandle } from "@musubi/client";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { filesIn } from "./support/store-upload-server.js";

const MiB = 1024 * 1024;
const REPO = resolve(import.meta.dirname, "../..");
const SERVER = resolve(import.meta.dirname, "support/upload-server-process.mjs");

let folder: string;
let uploads: string;
const children: ChildProcess[] = [];
const sockets: Socket[] = [];

beforeAll(() => {
  // The child is plain Node, on what is built.
  execFileSync(process.execPath, [resolve(REPO, "node_modules/typescript/bin/tsc"), "-b", "packages/server"], {
    cwd: REPO,
  });
}, 120_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "musubi-process-"));
  uploads = join(folder, "uploads");
  mkdirSync(uploads);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = spawn(process.execPath, [SERVER, uploads], {
    // The child finds the packages where the tests do.
    cwd: resolve(REPO, "tests"),
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, url: `ws://127.0.0.1:${Number(line)}/socket` };
}

async function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

interface Videos {
  readonly video: UploadHandle;
  dispatchCommand(name: "save"): Promise<{ hashes: string[]; peak: number }>;
}

async function mount(url: string): Promise<Videos> {
  const socket = new Socket(url, { transport: WebSocket });
  sockets.push(socket);
  const connection = await connect<AnyRegistry>(socket);
  const { store } = await connection.mountStore({ module: "Videos", id: "a" });
  return store as unknown as Videos;
}

async function send(videos: Videos, file: Blob): Promise<{ hashes: string[]; peak: number }> {
  await videos.video.select(file, { autoStart: true });
  await videos.video.start();
  expect(videos.video.entries.at(-1)).toMatchObject({ status: "success" });
  return videos.dispatchCommand("save");
}

test("server.md 4: a file of 200 MB costs the server 32 MiB at most, arrives as it is, and leaves nothing", async () => {
  const path = join(folder, "large.bin");
  const hash = createHash("sha256");
  const file = openSync(path, "w");
  for (let at = 0; at < 200; at++) {
    const part = randomBytes(1_000_000);
    hash.update(part);
    writeSync(file, part);
  }
  closeSync(file);
  const { child, url } = await start();
  const videos = await mount(url);
  const blob = await openAsBlob(path);
  const { peak: before } = await send(videos, blob.slice(0, 16 * MiB));
  const { peak, hashes } = await send(videos, blob);
  expect(hashes).toEqual([hash.digest("hex")]);
  const growth = (peak - before) / MiB;
  process.stdout.write(`peak ${(peak / MiB).toFixed(0)} MiB, ${growth.toFixed(1)} MiB above a file of 16 MiB\n`);
  expect(growth).toBeLessThanOrEqual(32);
  await eventually(() => filesIn(uploads).length === 0, "the temp files are gone");
  await end(child, "SIGTERM");
  expect(readdirSync(uploads)).toEqual([]);
});

test("server.md 4: what a killed process has left is swept at the next start, once it has been silent for two token lives", async () => {
  const killed = await start();
  const videos = await mount(killed.url);
  await videos.video.select(new Blob([new Uint8Array(100 * MiB)]), { autoStart: true });
  await eventually(() => filesIn(uploads).some((name) => statSync(join(uploads, name)).size > MiB), "it is under way");
  await end(killed.child, "SIGKILL");
  const [left] = filesIn(uploads) as [string];
  const [owner] = readdirSync(uploads) as [string];
  // It may live, and be slow.
  const second = await start();
  await send(await mount(second.url), new Blob(["x"]));
  expect(filesIn(uploads)).toContain(left);
  const old = Date.now() / 1_000 - 2 * 600 - 60;
  utimesSync(join(uploads, owner, "heartbeat"), old, old);
  const third = await start();
  await eventually(() => !readdirSync(uploads).includes(owner), "the dead one's folder is gone");
  // The second one lives, and has its folder.
  expect(readdirSync(uploads).length).toBe(1);
  await send(await mount(second.url), new Blob(["y"]));
  await Promise.all([end(second.child, "SIGTERM"), end(third.child, "SIGTERM")]);
  expect(readdirSync(uploads)).toEqual([]);
});
