import { wallTime } from "../clock.js";
import { isDevelopment } from "../development.js";
import { OneTimer } from "../one-timer.js";
import type { Root } from "../root/root.js";
import type { RootNews } from "../root/root-news.js";
import type { CachePersister } from "./cache-options.js";
import { makeCacheRecord, requireCacheRecord, seedRoot, warnOfCache } from "./cache-record.js";
import { storeCacheKey } from "./store-cache-key.js";

const DEFAULT_GC_TIME_MS = 300_000;

/** A live root is saved at most this often, so that frequent envelopes cost one write. */
const SAVE_EVERY_MS = 1_000;

/** How long a persister may take to answer, in milliseconds; after that it is done without. */
export const ANSWER_WITHIN_MS = 3_000;

/** One root with a cache: it is seeded from its record, and its record is kept up to date. */
export class CachedRoot {
  readonly #root: Root;
  readonly #persister: CachePersister;
  readonly #onEnd: () => void;
  /** Set while a change waits to be saved. */
  readonly #saveTimer: OneTimer;
  /** Set while the persister's answer is awaited. */
  readonly #readTimer: OneTimer;
  #isSaving = false;
  #hasReported = false;

  constructor(root: Root, persister: CachePersister, onEnd: () => void) {
    this.#root = root;
    this.#persister = persister;
    this.#onEnd = onEnd;
    this.#saveTimer = new OneTimer(root.host.clock);
    this.#readTimer = new OneTimer(root.host.clock);
    if (root.version > 0) this.#saveLater();
    else this.#read();
    root.observer = (news) => this.#handle(news);
  }

  /** The key of the state that the root shows. */
  get key(): string {
    const { module, id, mountedParams: params } = this.#root;
    return storeCacheKey({ module, id, params });
  }

  /** Neither shows what was kept nor keeps what has not been saved yet. */
  forget(): void {
    this.#readTimer.stop();
    this.#saveTimer.stop();
  }

  #handle(news: RootNews): void {
    if (news !== "paused") this.#readTimer.stop();
    if (news === "changed") this.#saveLater();
    else if (news === "refused") {
      this.#saveTimer.stop();
      this.#delete(this.key);
    } else if (this.#saveTimer.stop()) this.#save();
    if (this.#root.isClosed) this.#onEnd();
  }

  #read(): void {
    const { key } = this;
    try {
      const answer = this.#persister.get(key);
      if (!isPromiseLike(answer)) {
        this.#seed(key, answer);
        return;
      }
      this.#readTimer.start(ANSWER_WITHIN_MS, () => this.#report("no answer in time"));
      // What comes after something else has ended the wait comes too late.
      const inTime =
        <T>(use: (answer: T) => void) =>
        (value: T) => {
          if (this.#readTimer.stop()) use(value);
        };
      Promise.resolve(answer).then(
        inTime((value) => this.#seed(key, value)),
        inTime((cause) => this.#report(cause)),
      );
    } catch (cause) {
      this.#report(cause);
    }
  }

  #seed(key: string, value: unknown): void {
    if (value == null) return;
    const root = this.#root;
    const { buster = "", gcTime = DEFAULT_GC_TIME_MS, initialData } = root.cache ?? {};
    try {
      const record = requireCacheRecord(value);
      // One from the future is as far from now as one from the past.
      const isGood = record.buster === buster && Math.abs(wallTime(root.host.clock) - record.savedAt) <= gcTime;
      if (!isGood) this.#delete(key);
      else if (root.tree.root === undefined || record.savedAt > (initialData?.savedAt ?? 0)) {
        seedRoot(root, record, () => this.#seed(key, value));
      }
    } catch (cause) {
      this.#report(cause);
      this.#delete(key);
    }
  }

  #saveLater(): void {
    if (this.#saveTimer.isSet) return;
    this.#saveTimer.start(SAVE_EVERY_MS, () => {
      // A slow persister is not given more to do.
      if (this.#isSaving) this.#saveLater();
      else this.#save();
    });
  }

  #save(): void {
    const { key } = this;
    const record = makeCacheRecord(this.#root);
    if (record === undefined) return;
    this.#isSaving = true;
    void this.#attempt(() => this.#persister.set(key, record)).then(() => {
      this.#isSaving = false;
    });
  }

  #delete(key: string): void {
    void this.#attempt(() => this.#persister.delete(key));
  }

  async #attempt(call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (cause) {
      this.#report(cause);
    }
  }

  #report(cause: unknown): void {
    if (isDevelopment && !this.#hasReported) {
      this.#hasReported = true;
      warnOfCache(this.#root.host, cause);
    }
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}
