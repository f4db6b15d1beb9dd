import { isObject } from "@musubi/protocol";
import type { CachePersister, CacheRecord } from "./cache-options.js";

/**
 * A storage of texts: `localStorage`, `sessionStorage`, React Native's AsyncStorage, a wrapper of IndexedDB. One that
 * can list its keys does so as Web Storage (`length`, `key`) or as AsyncStorage (`getAllKeys`).
 */
export interface CacheStorage {
  getItem(key: string): string | null | undefined | PromiseLike<string | null | undefined>;
  setItem(key: string, text: string): unknown;
  removeItem(key: string): unknown;
  readonly length?: number;
  key?(index: number): string | null;
  getAllKeys?(): readonly string[] | PromiseLike<readonly string[]>;
}

/** How to keep records in a {@link CacheStorage}. */
export interface StorageCacheOptions {
  /** `undefined` and `null`, as where there is no `localStorage`: nothing is kept. */
  readonly storage: CacheStorage | undefined | null;
  /** What the storage's keys begin with, so that they can be told from others'; default `musubi:`. */
  readonly prefix?: string;
  /** Milliseconds after which a record is deleted, whatever a mount's `gcTime`; default 86 400 000 (a day). */
  readonly maxAge?: number;
  /** The time of the day in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
}

/** Longest text of a record, in UTF-16 units: what a whole Web Storage may hold in most browsers. */
const MAX_TEXT = 5_000_000;

/** Keeps records as JSON texts. Throws and rejects as the storage does: who uses it has to expect that. */
export class StoragePersister implements CachePersister {
  readonly #options: StorageCacheOptions;
  readonly #prefix: string;
  /** Keys used by this page, for a storage that cannot list its own. */
  readonly #used = new Set<string>();

  constructor(options: StorageCacheOptions) {
    this.#options = options;
    this.#prefix = options.prefix ?? "musubi:";
  }

  get(key: string): unknown {
    const { storage } = this.#options;
    if (storage == null) return undefined;
    this.#used.add(key);
    const text = storage.getItem(this.#prefix + key);
    if (typeof text === "string") return this.#read(key, text);
    return text == null ? undefined : text.then((value) => this.#read(key, value));
  }

  async set(key: string, record: CacheRecord): Promise<void> {
    const { storage } = this.#options;
    if (storage == null) return;
    this.#used.add(key);
    const text = JSON.stringify(record);
    checkLength(key, text);
    try {
      await storage.setItem(this.#prefix + key, text);
    } catch {
      // Most likely it is full, and what fills it may be records of stores that are never mounted again.
      for (const other of await this.keys()) if (other !== key) await this.delete(other);
      await storage.setItem(this.#prefix + key, text);
    }
  }

  delete(key: string): unknown {
    return this.#options.storage?.removeItem(this.#prefix + key);
  }

  async keys(): Promise<readonly string[]> {
    const { storage } = this.#options;
    let all: readonly (string | null)[] | undefined;
    if (storage?.getAllKeys !== undefined) all = await storage.getAllKeys();
    else if (storage?.key !== undefined)
      all = Array.from({ length: storage.length ?? 0 }, (_, at) => storage.key?.(at) ?? null);
    if (all === undefined) return Array.from(this.#used);
    return all.flatMap((key) => (key?.startsWith(this.#prefix) ? [key.slice(this.#prefix.length)] : []));
  }

  #read(key: string, text: unknown): unknown {
    if (typeof text !== "string") return undefined;
    try {
      checkLength(key, text);
      const record: unknown = JSON.parse(text);
      const { maxAge = 86_400_000, now = Date.now } = this.#options;
      if (!isObject(record) || !(Number(record["savedAt"]) < now() - maxAge)) return record;
    } catch (cause) {
      this.#drop(key);
      throw cause;
    }
    this.#drop(key);
    return undefined;
  }

  /** Deletes what is of no use; if that fails it is of no use the next time too. */
  #drop(key: string): void {
    Promise.resolve(this.delete(key)).catch(() => {});
  }
}

function checkLength(key: string, text: string): void {
  if (text.length > MAX_TEXT) throw new RangeError(`The record of ${key} is too long.`);
}
