import { provideCacheEngine } from "./attach-cache.js";
import { cacheEngine } from "./cache-engine.js";
import type { CachePersister } from "./cache-options.js";
import { MemoryPersister } from "./memory-persister.js";
import { type StorageCacheOptions, StoragePersister } from "./storage-persister.js";

/**
 * Keeps records in memory, for as long as it is held: to be shared by connections, or to outlive one. Past
 * `maxEntries` (default 50) the record that was used longest ago goes.
 */
export function createMemoryPersister(options: { readonly maxEntries?: number } = {}): CachePersister {
  provideCacheEngine(cacheEngine);
  return new MemoryPersister(options.maxEntries);
}

/** Keeps records as texts in a storage, for as long as that lasts: `localStorage`, AsyncStorage and their like. */
export function createStorageCachePersister(options: StorageCacheOptions): CachePersister {
  provideCacheEngine(cacheEngine);
  return new StoragePersister(options);
}
