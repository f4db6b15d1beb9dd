import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { pnpm, run as runTool } from "../../../scripts/workspace.mjs";
import { readSnippets } from "../../interop/support/snippets.js";

const REPO = resolve(import.meta.dirname, "../../..");

/** A program of the app that goes on until it is ended. */
export interface AppProcess {
  /** What it has printed. */
  output(): string;
  /** Ends it and all that it started, without a chance to say goodbye. */
  kill(): Promise<void>;
}

/** An app in a folder of its own, made of the code blocks of docs/react.md and of what `npm install` fetched. */
export interface NewcomerApp {
  /** Has it consist of the files that a reader has who has come to a chapter, or to the end of the guide. */
  write(until?: string): void;
  /** Changes a file as its author would. */
  edit(file: string, from: string, to: string): void;
  /** Runs one of its npm scripts to the end; rejects with what it printed if it fails. */
  run(script: string, env?: NodeJS.ProcessEnv): Promise<string>;
  /** Starts one of its npm scripts; resolves once it has printed `ready`. */
  start(script: string, ready: RegExp, env?: NodeJS.ProcessEnv, args?: readonly string[]): Promise<AppProcess>;
  /** Kills all that were started. */
  stop(): Promise<void>;
  /** Runs a module of it under a condition of Node's; rejects if that throws. */
  load(file: string, condition: string): Promise<void>;
  remove(): void;
}

/**
 * Packs the packages as for npm and installs them with all that the guide's package.json names. Takes what npm has in
 * its cache; what is missing comes from the registry, and without one the error says what to do.
 */
export async function createNewcomerApp(): Promise<NewcomerApp> {
  const home = mkdtempSync(join(tmpdir(), "musubi-newcomer-"));
  const folder = join(home, "app");
  mkdirSync(folder);
  const write = (until?: string): void => {
    for (const old of readdirSync(folder)) {
      if (old !== "node_modules") rmSync(join(folder, old), { recursive: true });
    }
    // Vite would take the packages that an earlier chapter imports for all there are, and reload the page at the next.
    rmSync(join(folder, "node_modules/.vite"), { recursive: true, force: true });
    for (const [file, text] of readSnippets("docs/react.md", until)) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  };
  const remove = (): void => rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  // What a test runner sets would reach the app's tools: vite would build for tests.
  const { NODE_ENV: _, VITEST: __, ...ownEnv } = process.env;
  const children = new Set<ChildProcess>();
  const environment = (env?: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({ ...ownEnv, ...env });
  try {
    write();
    await packInto(home, JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest);
    await install(folder, home, environment());
  } catch (error) {
    remove();
    throw error;
  }
  return {
    write,
    remove,
    edit(file, from, to) {
      const path = join(folder, file);
      const before = readFileSync(path, "utf8");
      if (!before.includes(from)) throw new Error(`${file} has no ${from}`);
      writeFileSync(path, before.replace(from, to));
    },
    async load(file, condition) {
      const args = ["--conditions", condition, "--import", "tsx", join(folder, file)];
      await promisify(execFile)(process.execPath, args, { cwd: folder, env: environment() });
    },
    async run(script, env) {
      const options = { cwd: folder, env: environment(env), maxBuffer: 16 * 1024 * 1024 };
      try {
        const { stdout, stderr } = await promisify(execFile)("npm", ["run", script], options);
        return stdout + stderr;
      } catch (error) {
        const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
        throw new Error(`npm run ${script} failed:\n${stdout}${stderr}`, { cause: error });
      }
    },
    async start(script, ready, env, args = []) {
      // A group of its own: npm starts a shell, which starts the program.
      const options = { cwd: folder, env: environment(env), stdio: "pipe", detached: true } as const;
      const child = spawn("npm", ["run", script, "--", ...args], options);
      children.add(child);
      const output = await outputOf(child, ready);
      return { output, kill: () => killGroup(child) };
    },
    async stop() {
      for (const child of children) await killGroup(child);
      children.clear();
    },
  };
}

/** The folders of our packages that an app with these dependencies gets. */
function foldersOf(dependencies: Readonly<Record<string, string>> = {}, found = new Set<string>()): Set<string> {
  for (const name of Object.keys(dependencies)) {
    const folder = join(REPO, "packages", name.replace("@musubi/", ""));
    if (!name.startsWith("@musubi/") || found.has(folder)) continue;
    found.add(folder);
    foldersOf((JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest).dependencies, found);
  }
  return found;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function packInto(home: string, { dependencies, devDependencies }: Manifest): Promise<void> {
  const folders = Array.from(foldersOf({ ...dependencies, ...devDependencies }));
  const compiler = join(REPO, "node_modules/typescript/bin/tsc");
  const built = await runTool(process.execPath, [compiler, "-b", ...folders], { capture: true });
  if (built.code !== 0) throw new Error(`The packages do not build:\n${built.output}`);
  for (const folder of folders) {
    const args = ["pack", "--out", join(home, `${basename(folder)}.tgz`)];
    const packed = await pnpm(args, { cwd: folder, capture: true });
    if (packed.code !== 0) throw new Error(`${folder} cannot be packed:\n${packed.output}`);
  }
}

/** Our packages come from their tarballs, whatever version the guide names; the guide's package.json is left as it is. */
async function install(folder: string, home: string, env: NodeJS.ProcessEnv): Promise<void> {
  const tarballs = readdirSync(home).filter((file) => file.endsWith(".tgz"));
  const flags = ["--no-save", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1"];
  try {
    const args = ["install", ...flags, ...tarballs.map((file) => join(home, file))];
    await promisify(execFile)("npm", args, { cwd: folder, env });
  } catch (error) {
    const { stderr } = error as { readonly stderr: string };
    const reason =
      "npm could not install what the guide's package.json names. It takes what its cache has, and all else from its registry: without one, run this once where there is one.";
    throw new Error(`${reason}\n${stderr}`, { cause: error });
  }
}

/** What a program prints, from then on when it has printed `ready`. */
async function outputOf(child: ChildProcess, ready: RegExp): Promise<() => string> {
  let output = "";
  await new Promise<void>((done, reject) => {
    const fail = (what: string): void => reject(new Error(`${child.spawnargs.join(" ")} ${what}:\n${output}`));
    const timer = setTimeout(() => fail(`has not printed ${ready} in a minute`), 60_000);
    const read = (data: Buffer): void => {
      output += String(data);
      if (!ready.test(output)) return;
      clearTimeout(timer);
      done();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", () => fail("has ended before it was ready"));
  });
  return () => output;
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await ended;
}
