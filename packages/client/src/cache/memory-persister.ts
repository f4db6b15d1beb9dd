import type { CachePersister, CacheRecord } from "./cache-options.js";

/** Keeps records as they are, without a copy: a record shares its parts with the state it was made of. */
export class MemoryPersister implements CachePersister {
  readonly #records = new Map<string, CacheRecord>();
  readonly #maxEntries: number;

  constructor(maxEntries = 50) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): CacheRecord | undefined {
    const record = this.#records.get(key);
    if (record !== undefined) this.set(key, record);
    return record;
  }

  /** Keeps a record; the ones that were used longest ago make room. */
  set(key: string, record: CacheRecord): void {
    this.#records.delete(key);
    this.#records.set(key, record);
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= this.#maxEntries) return;
      this.#records.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#records.delete(key);
  }

  /** A list, since reading a record moves it. */
  keys(): readonly string[] {
    return Array.from(this.#records.keys());
  }
}
