import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "iovalkey";
import { findRedis, howToGetRedis } from "../../../scripts/find-redis.mjs";
import { endWithTests } from "./end-with-tests.js";
import { freePort } from "./free-port.js";

const binary = findRedis();

/** A real Redis (or Valkey) server of this test, on a port and in a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string = mkdtempSync(join(tmpdir(), "musubi-redis-"));
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, on the same port as before. */
  async start(): Promise<void> {
    if (binary === undefined) throw new Error(`no redis-server found: ${howToGetRedis}`);
    const child = spawn(
      binary,
      ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", this.#folder],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    this.#child = child;
    endWithTests(child);
    const client = this.client();
    try {
      await Promise.race([
        client.ping(),
        once(child, "exit").then(([code]) => Promise.reject(new Error(`redis-server ended with ${code}`))),
      ]);
    } finally {
      client.disconnect();
    }
  }

  /** A client that sees what the server sees. It waits for the server to come up. */
  client(): Redis {
    return new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 }).on("error", () => {});
  }

  /** Stops it in the middle of everything, as a machine that swaps does, until `resume`. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
