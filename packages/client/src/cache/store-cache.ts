import { canonicalJson } from "../canonical-json.js";
import { createDeferred } from "../deferred.js";
import { OneTimer } from "../one-timer.js";
import type { Root } from "../root/root.js";
import type { RootHost } from "../root/root-host.js";
import type { CachePersister, CacheTarget } from "./cache-options.js";
import { ANSWER_WITHIN_MS, CachedRoot } from "./cached-root.js";
import { MemoryPersister } from "./memory-persister.js";

/** The cached roots of one connection, and where their records are. */
export class StoreCache {
  readonly #host: RootHost;
  readonly #memory: CachePersister = new MemoryPersister();
  readonly #persisters = new Set<CachePersister>();
  readonly #roots = new Set<CachedRoot>();

  constructor(host: RootHost) {
    this.#host = host;
  }

  /** Shows what is kept of a root, and keeps it until the root ends. */
  attach(root: Root): void {
    if (root.isClosed) return;
    const persister = root.cache?.persister ?? this.#memory;
    this.#persisters.add(persister);
    const cached: CachedRoot = new CachedRoot(root, persister, () => this.#roots.delete(cached));
    this.#roots.add(cached);
  }

  /**
   * Deletes records, and drops what of these was still to be saved. Never rejects: what fails is warned of, as is what
   * is not answered in time or before the connection is closed.
   */
  async clear(target: CacheTarget): Promise<void> {
    const start = startOf(target);
    const matches = (key: string): boolean => key.startsWith(start);
    for (const cached of this.#roots) if (matches(cached.key)) cached.forget();
    await Promise.all(Array.from(this.#persisters, (persister) => this.#clear(persister, matches)));
  }

  async #clear(persister: CachePersister, matches: (key: string) => boolean): Promise<void> {
    const { clock, logger, status } = this.#host;
    const timer = new OneTimer(clock);
    const late = createDeferred<never>();
    const giveUp = (): void => late.reject(new Error("no answer in time"));
    timer.start(ANSWER_WITHIN_MS, giveUp);
    const stop = status.subscribe(() => {
      if (status.current === "closed" && timer.stop()) giveUp();
    });
    const deleted = async (): Promise<void> => {
      const keys = Array.from(await persister.keys());
      await Promise.all(keys.filter(matches).map((key) => persister.delete(key)));
    };
    try {
      await Promise.race([deleted(), late.promise]);
    } catch (cause) {
      logger.warn("clearStoreCache failed: records may be left.", cause);
    } finally {
      timer.stop();
      stop();
    }
  }
}

/** What the keys of the records begin with that are to be cleared. Keys are JSON arrays of module, id and params. */
function startOf({ module, id, params }: CacheTarget): string {
  if (module === undefined) return "";
  const parts = id === undefined ? [module] : params === undefined ? [module, id] : [module, id, params];
  return canonicalJson(parts).slice(0, -1) + (parts.length < 3 ? "," : "]");
}
