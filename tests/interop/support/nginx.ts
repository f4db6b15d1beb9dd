import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { eventually } from "@musubi/testing";
import { findNginx, howToGetNginx } from "../../../scripts/find-nginx.mjs";
import { endWithTests } from "./end-with-tests.js";

const binary = findNginx();

function nginx(): string {
  if (binary === undefined) throw new Error(`no nginx found: ${howToGetNginx}`);
  return binary;
}

/** Writes files into a folder, by their names. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** What nginx says of the configuration in a folder; only root can bind its ports, which comes after the syntax. */
export function judgeConfiguration(folder: string): string {
  return spawnSync(nginx(), ["-t", "-p", folder, "-c", join(folder, "nginx.conf")], { encoding: "utf8" }).stderr;
}

/** Where an nginx of a test puts what it would put into the system's folders, which are root's. */
const OWN_PLACES = [
  "access_log off;",
  ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path temp/${kind};`),
].join("\n");

/** A real nginx of this test, in a folder that has its nginx.conf. */
export class Nginx {
  readonly folder: string;
  #child: ChildProcess | undefined;

  constructor(folder: string) {
    this.folder = folder;
    writeFiles(folder, { "conf.d/own-places.conf": OWN_PLACES, "temp/here": "", "error.log": "" });
  }

  /** Resolves when it takes connections at this port; rejects with what nginx says when it does not start. */
  async start(port: number): Promise<void> {
    // Root's workers would be somebody else, who may not enter the folder.
    const user = process.getuid?.() === 0 ? "user root;" : "";
    const settings = `daemon off; ${user} pid ${join(this.folder, "nginx.pid")}; error_log ${join(this.folder, "error.log")} notice;`;
    const child = spawn(nginx(), ["-p", this.folder, "-c", join(this.folder, "nginx.conf"), "-g", settings], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    // The signal upon which it ends its workers.
    endWithTests(child, "SIGTERM");
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text.toString();
    });
    let isThere = false;
    const probe = setInterval(() => {
      const socket = connect(port, "127.0.0.1");
      socket
        .on("error", () => {})
        .on("connect", () => {
          isThere = true;
          socket.destroy();
        });
    }, 20);
    try {
      await eventually(() => isThere || child.exitCode !== null, "nginx listens", 30_000);
    } finally {
      clearInterval(probe);
    }
    if (!isThere) throw new Error(`nginx ended with ${child.exitCode}: ${said}${this.errors()}`);
  }

  /** What it has written to its error log. */
  errors(): string {
    return readFileSync(join(this.folder, "error.log"), "utf8");
  }

  /** How many worker processes it has started. */
  workers(): number {
    return this.errors().split("start worker process ").length - 1;
  }

  /** Has it read its configuration anew, as `nginx -s reload` does. */
  reload(): void {
    this.#child?.kill("SIGHUP");
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }
}
