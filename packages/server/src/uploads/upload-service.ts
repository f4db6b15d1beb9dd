import type { Clock } from "@musubi/protocol";
import { limitsOf, UPLOAD_BOUNDS } from "../limits.js";
import type { Logger } from "../logger.js";
import type { Secrets } from "../token-signer.js";
import type { Entry } from "./entry.js";
import { TempFile } from "./temp-file.js";
import { TempFolder } from "./temp-folder.js";
import { UploadTokens } from "./upload-tokens.js";

/** What a server's uploads may take, and where they go. */
export interface UploadOptions {
  /** Holds one folder for each process. Default: `musubi-uploads-<user id>` in the system's temp folder. */
  readonly directory?: string;
  /**
   * Signs tokens, 32 bytes or more. Default: random, of this process alone; give several processes the same one. Of a list
   * the first one signs, and what the others have signed is taken: so a secret is changed without a break.
   */
  readonly secret?: Secrets;
  /**
   * How long a token lets a client begin, and how long an entry may rest before it has failed, in milliseconds.
   * Default 600 000.
   */
  readonly tokenTtlMs?: number;
  /** Entries of one root, those that wait to be consumed included. Default 100; past it files are `overloaded`. */
  readonly maxEntriesPerRoot?: number;
  /** Entries of this process. Default 10 000; past it files are `overloaded`. */
  readonly maxEntries?: number;
  /** Bytes of this process's temp files, counted as they are announced. Default 16 GiB; past it `overloaded`. */
  readonly maxBytes?: number;
}

/** What all roots of a server share of uploads: entries by their ref, bounds, tokens and temp files. */
export class UploadService {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tokens: UploadTokens;
  readonly tokenTtlMs: number;
  readonly maxEntriesPerRoot: number;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #folder: TempFolder;
  readonly #entries = new Map<string, Entry>();
  #swept: Promise<void> | undefined;
  readonly #removing = new Set<Promise<void>>();
  /** Files announced and not gone, and their bytes. */
  #count = 0;
  #bytes = 0;
  /** Milliseconds since 1970 when the clock was at 0. */
  readonly #epochMs: number;

  constructor(options: UploadOptions, clock: Clock, logger: Logger) {
    this.clock = clock;
    this.logger = logger;
    this.tokens = new UploadTokens(options.secret);
    const limits = limitsOf(UPLOAD_BOUNDS, options, "uploads.");
    this.tokenTtlMs = limits.tokenTtlMs;
    this.maxEntriesPerRoot = limits.maxEntriesPerRoot;
    this.#maxEntries = limits.maxEntries;
    this.#maxBytes = limits.maxBytes;
    this.#folder = new TempFolder({ directory: options.directory, tokenTtlMs: this.tokenTtlMs, clock, logger });
    this.#epochMs = Date.now() - clock.now();
  }

  /** Files announced and not gone, and the bytes they may have here. */
  inspect(): { readonly files: number; readonly bytes: number } {
    return { files: this.#count, bytes: this.#bytes };
  }

  /** Milliseconds since 1970, by the clock. */
  get nowMs(): number {
    return this.#epochMs + this.clock.now();
  }

  /** Removes what processes have left behind that died; the first call does. */
  start(): void {
    this.#swept ??= this.#folder.sweep();
  }

  /** Takes a place in the bounds for a file that comes here with so many bytes; whether there was one. */
  reserve(bytes: number): boolean {
    if (this.#count >= this.#maxEntries || this.#bytes + bytes > this.#maxBytes) return false;
    this.#count += 1;
    this.#bytes += bytes;
    return true;
  }

  /** Gives a place back. */
  release(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
  }

  /** A file for an entry; nothing is on the disk before its first byte. */
  file(ref: string): TempFile {
    return new TempFile(this.#folder, ref);
  }

  add(entry: Entry): void {
    this.#entries.set(entry.info.ref, entry);
  }

  find(ref: string): Entry | undefined {
    return this.#entries.get(ref);
  }

  /** Forgets an entry that has ended, and removes its file, upon which its place is free. */
  discard(entry: Entry): void {
    const { ref, size } = entry.info;
    if (!this.#entries.delete(ref)) return;
    const removing = entry
      .remove()
      .catch((cause: unknown) => this.logger.warn({ err: cause, ref }, "an uploaded file could not be removed"))
      .finally(() => {
        this.#removing.delete(removing);
        this.release(entry.isChannel ? size : 0);
      });
    this.#removing.add(removing);
  }

  /** Resolves when no file is left. All roots have to have ended. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values()) entry.send({ type: "cancel" });
    await Promise.all([this.#swept, ...this.#removing]);
    await this.#folder.close();
  }
}
