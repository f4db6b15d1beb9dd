import { constants } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { TempFolder } from "./temp-folder.js";

/** The bytes of one entry. One call at a time, but for `remove`, which waits for the one that runs. */
export class TempFile {
  readonly path: string;
  readonly #folder: TempFolder;
  #handle: FileHandle | null = null;
  /** Whether there has been a file: most that are cancelled early never had one. */
  #isMade = false;
  #last: Promise<unknown> = Promise.resolve();

  /** `name` is the server's own, never a client's. */
  constructor(folder: TempFolder, name: string) {
    this.#folder = folder;
    this.path = join(folder.path, name);
  }

  /** Writes `bytes` at an offset. Rejects when they are not all on the way to the disk. */
  write(bytes: Uint8Array, at: number): Promise<void> {
    return this.#next(async () => {
      const file = await this.#open(at === 0);
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

  /** Makes sure that a file of so many bytes is there, be it an empty one. Rejects when somebody has taken it away. */
  ensure(size: number): Promise<void> {
    return this.#next(async () => {
      if (size === 0) await this.#open(true);
      await this.#close();
      const found = await stat(this.path);
      if (found.size !== size) throw new Error(`an upload of ${size} bytes has ${found.size} on the disk`);
    });
  }

  /** Removes it. */
  remove(): Promise<void> {
    return this.#next(async () => {
      await this.#close();
      if (this.#isMade) await rm(this.path, { force: true });
    });
  }

  /** What goes on where it was must find what was: one that is new would have a hole. */
  async #open(isNew: boolean): Promise<FileHandle> {
    if (this.#handle === null) {
      await this.#folder.make();
      this.#isMade = true;
      this.#handle = await openOwn(this.path, isNew);
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

/** For writing, never through a link, and for nobody else's eyes. */
function openOwn(path: string, isNew: boolean): Promise<FileHandle> {
  return open(path, constants.O_WRONLY | (isNew ? constants.O_CREAT : 0) | (constants.O_NOFOLLOW ?? 0), 0o600);
}
