import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoServer, ensureDemoBuilt } from "../../../scripts/demo.mjs";

/** The demo's server as a process of its own. */
export interface DemoProcess {
  readonly url: string;
  readonly port: number;
  /** Ends it without a chance to say goodbye. */
  kill(): Promise<void>;
  /** Asks it to end with SIGTERM, and resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** What a server that did not start left behind. */
export interface FailedStart {
  readonly code: number | null;
  readonly stderr: string;
}

let isBuilt: Promise<boolean> | undefined;

/** A folder for a server's data, and how to be rid of it. */
export function createDataFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "musubi-e2e-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts the built demo, building it when its sources have changed; `port` 0 takes any free one. */
export async function startDemo(dataFolder: string, port = 0): Promise<DemoProcess> {
  const outcome = await tryDemo(dataFolder, port);
  if ("url" in outcome) return outcome;
  throw new Error(`The demo ended with ${outcome.code} before it was ready:\n${outcome.stderr}`);
}

/** As {@link startDemo}, for starts that are meant to fail. */
export async function tryDemo(dataFolder: string, port: number | string): Promise<DemoProcess | FailedStart> {
  isBuilt ??= ensureDemoBuilt();
  if (!(await isBuilt)) throw new Error("The demo could not be built: see above.");
  const env = { ...process.env, NODE_ENV: "production", PORT: String(port), HOST: "", MUSUBI_DEMO_DATA: dataFolder };
  const child = spawn(process.execPath, [demoServer], { env, stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const url = await firstUrl(child);
  if (url === undefined) return { code: child.exitCode, stderr };
  return {
    url,
    port: Number(new URL(url).port),
    kill: async () => void (await end(child, "SIGKILL")),
    stop: () => end(child, "SIGTERM"),
  };
}

function firstUrl(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += String(chunk);
      const found = /https?:\/\/\S+/.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.once("close", () => resolve(undefined));
  });
}

async function end(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
  return child.exitCode;
}
