import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, TimerHandle } from "@musubi/protocol";
import type { Logger } from "../logger.js";

/** The file in a process's folder whose age says whether the process lives. */
const HEARTBEAT = "heartbeat";

/** Folders that are ours to remove. */
const FOLDER = /^p-[\w-]{22}$/;

export interface TempFolderOptions {
  /** Holds one folder for each process; default `musubi-uploads-<user id>` in the system's temp folder. */
  readonly directory: string | undefined;
  /** A folder whose process has been silent for twice as long is removed by others. */
  readonly tokenTtlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The files of this process: a folder of its own, made when first needed, with a heartbeat file that tells other
 * processes that it lives. Those that have died without a word are swept.
 */
export class TempFolder {
  /** Where the files are, once {@link make} has resolved. */
  readonly path: string;
  readonly #base: string;
  readonly #options: TempFolderOptions;
  #made: Promise<void> | undefined;
  #timer: TimerHandle | undefined;
  #isClosed = false;

  constructor(options: TempFolderOptions) {
    this.#options = options;
    this.#base = options.directory ?? join(tmpdir(), `musubi-uploads-${process.getuid?.() ?? "user"}`);
    this.path = join(this.#base, `p-${randomBytes(16).toString("base64url")}`);
  }

  /** Makes the folder, once; rejects when that cannot be, and tries again at the next call. */
  make(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error("the server is closed"));
    this.#made ??= this.#make().catch((cause: unknown) => {
      this.#made = undefined;
      throw cause;
    });
    return this.#made;
  }

  /** Removes the folders of processes that have died. Never rejects: what it cannot remove is logged. */
  async sweep(): Promise<void> {
    try {
      for (const name of await readdir(this.#base)) {
        const folder = join(this.#base, name);
        if (!FOLDER.test(name) || folder === this.path) continue;
        const silentSince = Date.now() - 2 * this.#options.tokenTtlMs;
        if ((await lastBeat(folder)) < silentSince) await rm(folder, { recursive: true, force: true });
      }
    } catch (cause) {
      // Nothing there yet is nothing to sweep.
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
      this.#options.logger.warn({ err: cause }, "uploads that processes have left behind could not be removed");
    }
  }

  /** Removes the folder with everything in it. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    try {
      await this.#made?.catch(() => {});
      if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
      await rm(this.path, { recursive: true, force: true });
    } catch (cause) {
      this.#options.logger.warn({ err: cause }, "the folder of uploads could not be removed");
    }
  }

  async #make(): Promise<void> {
    await mkdir(this.#base, { recursive: true, mode: 0o700 });
    if (this.#options.directory === undefined) await checkOwner(this.#base);
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await writeFile(join(this.path, HEARTBEAT), "");
    this.#beatLater();
  }

  #beatLater(): void {
    const { clock, tokenTtlMs } = this.#options;
    if (this.#isClosed) return;
    this.#timer = clock.setTimeout(() => void this.#beat(), tokenTtlMs / 4);
    // A process that has nothing else to do may end.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  async #beat(): Promise<void> {
    const now = new Date();
    try {
      await utimes(join(this.path, HEARTBEAT), now, now);
    } catch (cause) {
      // Swept by others after a long sleep, or cleaned away: the next file makes it anew.
      this.#options.logger.warn({ err: cause }, "the folder of uploads has been taken away");
      this.#made = undefined;
      return;
    }
    await this.sweep();
    this.#beatLater();
  }
}

/** In a temp folder that all users share, another one may have been here first. */
async function checkOwner(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid())) return;
  throw new Error(`${path} is no folder of this user: give another as uploads.directory`);
}

/** When a process was last heard of, in milliseconds since 1970; one that is being made or removed has just been. */
async function lastBeat(folder: string): Promise<number> {
  for (const path of [join(folder, HEARTBEAT), folder]) {
    try {
      return (await stat(path)).mtimeMs;
    } catch {
      // The next says.
    }
  }
  return Date.now();
}
