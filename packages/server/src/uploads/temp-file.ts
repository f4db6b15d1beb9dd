import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TempFolder } from "./temp-folder.js";

/** The bytes of one entry. One call at a time, but for `remove`, which waits for the one that runs. */
export class TempFile {
  readonly path: string;
  readonly #folder: TempFolder;
  #handle: FileHandle | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** `name` is the server's own, never a client's. */
  constructor(folder: TempFolder, name: string) {
    this.#folder = folder;
    this.path = join(folder.path, name);
  }

  /** Writes `bytes` at an offset. Rejects when they are not all on the way to the disk. */
  write(bytes: Uint8Array, at: number): Promise<void> {
    return this.#next(async () => {
      const file = await this.#open();
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
        done += bytesWritten;
      }
    });
  }

  /** Lets go of the open file, Never rejects. */
  async close(): Promise<void> {
    await this.#next(() => this.#close()).catch(() => {});
  }

  /** Makes sure that there is a file, even an empty one. */
  ensure(): Promise<void> {
    return this.#next(async () => {
      await this.#open();
      await this.#close();
    });
  }

  /** Removes it. */
  remove(): Promise<void> {
    return this.#next(async () => {
      await this.#close();
      await rm(this.path, { force: true });
    });
  }

  async #open(): Promise<FileHandle> {
    if (this.#handle === null) {
      await this.#folder.make();
      this.#handle = await openOwn(this.path);
    }
    return this.#handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** For reading and writing, made when it is not there, never through a link, and for nobody else's eyes. */
function openOwn(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
}
