import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { endWithTests } from "./end-with-tests.js";

const REPO = resolve(import.meta.dirname, "../../..");

/** Builds what processes of plain Node load; throws with the compiler's output. */
export function buildServer(): void {
  const tsc = resolve(REPO, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-b", "packages/server"], {
    cwd: REPO,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`@musubi/server does not build:\n${stdout}`);
}

/** A server in a process of its own: plain Node, on what is built, from where it finds the packages as tests do. */
export class ServerProcess {
  readonly child: ChildProcess;
  /** What it has said on its standard output. */
  readonly lines: string[] = [];
  readonly #said: (() => void)[] = [];

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, args, {
      cwd: resolve(REPO, "tests"),
      env: { ...process.env, NODE_ENV: "production", ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    endWithTests(this.child);
    if (this.child.stdout === null) throw new Error("its output is piped");
    createInterface(this.child.stdout).on("line", (line) => {
      this.lines.push(line);
      for (const wake of this.#said.splice(0)) wake();
    });
    this.child.once("exit", () => {
      for (const wake of this.#said.splice(0)) wake();
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** The first line that it says, or has said, of which this is true. */
  async line(isIt: (line: string) => boolean = () => true): Promise<string> {
    for (let at = 0; ; ) {
      for (; at < this.lines.length; at++) if (isIt(this.lines[at] ?? "")) return this.lines[at] ?? "";
      if (this.hasEnded) throw new Error(`it has ended (${this.child.exitCode ?? this.child.signalCode})`);
      await new Promise<void>((said) => this.#said.push(said));
    }
  }

  /** Sends a signal unless it has ended, and resolves with the exit code: `null` when a signal has ended it. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    if (!this.hasEnded) {
      const ended = once(this.child, "exit");
      this.child.kill(signal);
      await ended;
    }
    return this.child.exitCode;
  }
}
