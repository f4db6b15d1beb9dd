import type { Root } from "../root/root.js";
import type { RootHost } from "../root/root-host.js";
import type { CacheOptions, CacheTarget } from "./cache-options.js";
import { requireCacheRecord, seedRoot, warnOfCache } from "./cache-record.js";

/** What keeps and clears records: loaded by the first mount with a cache, so that other apps do not carry it. */
export interface CacheEngine {
  /** Reads a root's record, and keeps it up to date. */
  attach(root: Root): void;
  /** Clears records of a connection. Never rejects. */
  clear(host: RootHost, target: CacheTarget): Promise<void>;
}

let engine: CacheEngine | undefined;

/** Makes the engine be there without loading: for what an app only calls when it uses a cache. */
export function provideCacheEngine(provided: CacheEngine): void {
  engine = provided;
}

/** Runs `use` at once when the engine is there, else when it is loaded. */
export function withCacheEngine(use: (engine: CacheEngine) => void | Promise<void>): void | Promise<void> {
  if (engine !== undefined) return use(engine);
  return import("./cache-engine.js").then((loaded) => use((engine = loaded.cacheEngine)));
}

/** Gives a root a cache, unless an earlier holder has: its options stay. Never throws. */
export function attachCache(root: Root, options: CacheOptions): void {
  if (root.cache !== undefined) return;
  root.cache = options;
  const showInitial = (): void => {
    try {
      const { initialData, buster = "" } = options;
      if (initialData == null) return;
      if (requireCacheRecord(initialData).buster === buster) seedRoot(root, initialData, showInitial);
      else warnOfCache(root.host, "initialData is of another buster");
    } catch (cause) {
      warnOfCache(root.host, cause);
    }
  };
  showInitial();
  const attach = async (): Promise<void> => withCacheEngine((loaded) => loaded.attach(root));
  attach().catch((cause: unknown) => warnOfCache(root.host, cause));
}
