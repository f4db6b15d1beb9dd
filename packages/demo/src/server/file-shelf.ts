import { createHash } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** Ids as {@link FileShelf.keep} makes them: nothing else is looked for on the disk. */
const FILE_ID = /^[0-9a-f]{32}$/;

/** The bytes of cards' files: one folder, one file each, named by its id and never by what a client called it. */
export class FileShelf {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Removes what is not in `ids`, which may be left from a crash; makes the folder. */
  async open(ids: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const loose = (await readdir(this.#folder)).filter((name) => !ids.has(name));
    await Promise.all(loose.map((name) => rm(join(this.#folder, name), { force: true })));
  }

  /** Copies a file that has arrived; the same `ref` makes the same id, so that it can be done again. */
  async keep(ref: string, path: string): Promise<string> {
    const id = createHash("sha256").update(ref).digest("hex").slice(0, 32);
    const target = join(this.#folder, id);
    await copyFile(path, `${target}.part`);
    await rename(`${target}.part`, target);
    return id;
  }

  /** The bytes of a file that was kept. */
  read(id: string): ReadStream {
    if (!FILE_ID.test(id)) throw new Error(`"${id}" is no id of a file.`);
    return createReadStream(join(this.#folder, id));
  }
}
