import type { MusubiError } from "@musubi/protocol";
import type { CacheOptions } from "../cache/cache-options.js";
import type { AnyRegistry, MountOptions, OpenedRoot } from "../connect.js";
import { createDeferred, type Deferred } from "../deferred.js";
import { MusubiMountError } from "../errors.js";
import { OneTimer } from "../one-timer.js";
import { targetOf } from "../proxy.js";
import type { MountState } from "../root/mount-state.js";
import type { AnyConnection, AnyStore } from "./any-store.js";
import { UNCLAIMED_MS } from "./pending-read.js";
import { LOADING, type RootResult } from "./root-result.js";
import type { RootWish } from "./root-wish.js";
import { shallowEqual } from "./shallow-equal.js";

type Failed = RootResult<AnyStore> & { readonly status: "error" };

/** What is thrown for a failed mount. */
export interface RetryableError extends MusubiError {
  /** Mounts the root again; for an error boundary's reset. */
  retry?: () => void;
}

type Opened = OpenedRoot<string, AnyRegistry>;

/**
 * One root as all components of a connection share it, with one hold on the client's root. It lives from the first
 * holder until the root is closed, which is a grace after the last one: a holder that comes back in that time finds
 * everything as it was.
 *
 * Holders may differ in params. While anybody wants those it was mounted with they are shared (the client warns);
 * once nobody does, it is mounted again with the others. That is decided a microtask later, when all effects of a
 * commit have run.
 *
 * A render that waits for the root holds it too, until a commit does or time is up: a failure is kept for as long.
 *
 * It owns no wire: the client's root does.
 */
export class SharedMount {
  readonly #connection: AnyConnection;
  readonly #retainConnection: () => () => void;
  readonly #module: string;
  readonly #id: string;
  readonly #onEnd: () => void;
  readonly #listeners = new Set<{ readonly call: () => void }>();
  /** How many holders want which params. */
  readonly #wanted = new Map<string, number>();
  /** Other params than the root's, whose holders share it all the same. */
  readonly #sharing = new Set<string>();
  #paramsKey = "";
  #cache: CacheOptions | undefined;
  #opened: Opened | undefined;
  #stopListening: () => void = () => {};
  /** Other params are being mounted; what failed before then is not their failure. */
  #switch: { readonly errorBefore: MusubiError | undefined } | undefined;
  /** Set once there has been state for the present params. */
  #store: AnyStore | undefined;
  #result: RootResult<AnyStore> = LOADING;
  #isSettling = false;
  /** Whether it stays open without holders. */
  #isKept = false;
  /** Ends the hold of renders that have not been committed. */
  #unclaim: (() => void) | undefined;
  /** Set once what those wait for is there. */
  #unclaimed: OneTimer | undefined;
  /** What they wait for. */
  #settled: Deferred<void> | undefined;

  constructor(
    connection: AnyConnection,
    retainConnection: () => () => void,
    module: string,
    id: string,
    onEnd: () => void,
  ) {
    this.#connection = connection;
    this.#retainConnection = retainConnection;
    this.#module = module;
    this.#id = id;
    this.#onEnd = onEnd;
  }

  /** How it stands for a holder who wants these params; the same object until it changes. */
  read(paramsKey: string): RootResult<AnyStore> {
    return paramsKey === this.#paramsKey || this.#sharing.has(paramsKey) ? this.#result : LOADING;
  }

  /** Holds the root; `listener` is called when what `read` returns may have changed. */
  retain(wish: RootWish, listener: () => void): () => void {
    const { paramsKey, isKept } = wish;
    const entry = { call: listener };
    this.#listeners.add(entry);
    const isFirst = !this.#isHeld;
    this.#wanted.set(paramsKey, (this.#wanted.get(paramsKey) ?? 0) + 1);
    if (isFirst) this.#open(paramsKey, wish.cache);
    this.#hydrate(wish);
    this.#unclaim?.();
    this.#settleSoon(paramsKey);
    return () => {
      if (!this.#listeners.delete(entry)) return;
      if (isKept) this.#isKept = true;
      this.#release(paramsKey);
    };
  }

  /**
   * What a render that may not be committed reads: the store once there is state, whatever its params, else a promise
   * of news, the same until it settles. Holds the root until the next `retain`, or {@link UNCLAIMED_MS} after the
   * news. Throws the error that a mount failed with, which has a `retry` for as long; the hold over, it is forgotten.
   */
  suspend(wish: RootWish): AnyStore | Promise<void> {
    if (!this.#isHeld) this.#open(wish.paramsKey, wish.cache);
    if (this.#unclaim === undefined) {
      const releaseConnection = this.#retainConnection();
      this.#unclaim = () => {
        this.#unclaim = undefined;
        this.#unclaimed?.stop();
        this.#leave();
        releaseConnection();
      };
    }
    this.#hydrate(wish);
    this.#watchUnclaimed();
    const { error, store, retry } = this.#result as Partial<Failed> & { readonly store?: AnyStore };
    if (error !== undefined && retry !== undefined) throw withRetry(error, retry);
    return store ?? (this.#settled ??= createDeferred()).promise;
  }

  /** Lets go of a failure with other params that only renders hold. */
  forget(paramsKey: string): void {
    if (this.#isClosed && this.#wanted.size === 0 && this.#paramsKey !== paramsKey) this.#unclaim?.();
  }

  readonly #retry = (): void => {
    if (this.#result.status !== "error" || !this.#isHeld) return;
    if (this.#isClosed) this.#reopen();
    else this.#remount();
  };

  /** Whether the client's root is held for anybody. */
  get #isHeld(): boolean {
    return this.#wanted.size > 0 || this.#unclaim !== undefined || (this.#isKept && !this.#isClosed);
  }

  /** Renders that wait have that long from now on. */
  #watchUnclaimed(): void {
    const timer = this.#unclaimed;
    if (this.#unclaim === undefined || timer === undefined) return;
    if (this.#result === LOADING) timer.stop();
    else if (!timer.isSet) timer.start(UNCLAIMED_MS, () => this.#unclaim?.());
  }

  get #isClosed(): boolean {
    return this.#opened === undefined || this.#opened.state.current.status === "closed";
  }

  #release(paramsKey: string): void {
    const left = (this.#wanted.get(paramsKey) ?? 0) - 1;
    if (left > 0) this.#wanted.set(paramsKey, left);
    else this.#wanted.delete(paramsKey);
    if (this.#wanted.size > 0) this.#settleSoon(paramsKey);
    else this.#leave();
  }

  #leave(): void {
    if (this.#isHeld) return;
    this.#opened?.release();
    this.#refresh();
  }

  /** A root that is still there is held again as it is, whatever the params: those are settled later. */
  #open(paramsKey: string, cache: CacheOptions | undefined): void {
    if (this.#isClosed) {
      this.#adopt(paramsKey);
      this.#switch = undefined;
    }
    this.#cache = cache;
    const opened = this.#connection.openRoot(this.#options(this.#paramsKey));
    if (opened.state !== this.#opened?.state) {
      this.#stopListening();
      this.#stopListening = opened.state.subscribe(() => this.#refresh());
    }
    this.#opened = opened;
    this.#unclaimed ??= new OneTimer(targetOf(opened.store).root.host.clock);
    this.#refresh();
  }

  /** Begins with what the server rendered, once. */
  #hydrate({ dehydrated, paramsKey }: RootWish): void {
    if (dehydrated?.isUsed !== false || this.#opened === undefined || paramsKey !== this.#paramsKey) return;
    dehydrated.view.showIn(targetOf(this.#opened.store).root, () => {
      dehydrated.isUsed = true;
    });
  }

  #reopen(): void {
    this.#opened?.release();
    this.#open(this.#paramsKey, this.#cache);
  }

  #adopt(paramsKey: string): void {
    if (paramsKey === this.#paramsKey) return;
    this.#paramsKey = paramsKey;
    this.#store = undefined;
    this.#sharing.clear();
  }

  #settleSoon(paramsKey: string): void {
    if (this.#isSettling || (paramsKey === this.#paramsKey && this.#wanted.has(paramsKey))) return;
    this.#isSettling = true;
    queueMicrotask(() => {
      this.#isSettling = false;
      this.#settle();
    });
  }

  #settle(): void {
    const [first] = this.#wanted.keys();
    if (first === undefined) return;
    if (!this.#wanted.has(this.#paramsKey)) {
      this.#adopt(first);
      if (this.#isClosed) this.#reopen();
      else this.#remount();
    }
    for (const paramsKey of this.#wanted.keys()) {
      if (paramsKey === this.#paramsKey || this.#sharing.has(paramsKey)) continue;
      this.#sharing.add(paramsKey);
      // Asked for once, so that the client tells of the conflict.
      this.#connection.openRoot(this.#options(paramsKey)).release();
    }
    this.#notify();
  }

  #remount(): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    const attempt = { errorBefore: opened.state.current.error };
    this.#switch = attempt;
    opened.remount(JSON.parse(this.#paramsKey) as object).then(
      () => {
        if (this.#switch !== attempt) return;
        this.#switch = undefined;
        this.#refresh();
      },
      // The root's state tells.
      () => {},
    );
    this.#refresh();
  }

  /** Follows the root's state. */
  #refresh(): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    const { status, error, fromCache } = opened.state.current;
    if (status === "closed") {
      if (this.#wanted.size === 0 && this.#unclaim === undefined) {
        this.#end();
        return;
      }
      if (this.#switch !== undefined) {
        // It failed with the params that nobody wants any more.
        this.#reopen();
        return;
      }
    } else if (status !== "loading" && this.#switch === undefined) {
      this.#store = opened.store;
    }
    const next = this.#compute(status, error, fromCache && status === "stale");
    if (shallowEqual(next, this.#result)) return;
    this.#result = next;
    this.#watchUnclaimed();
    if (next !== LOADING) this.#tell();
    this.#notify();
  }

  /** There is news for renders that wait. */
  #tell(): void {
    this.#settled?.resolve();
    this.#settled = undefined;
  }

  #compute(status: MountState["status"], error: MusubiError | undefined, fromCache: boolean): RootResult<AnyStore> {
    if (this.#store !== undefined) {
      return {
        status: "ready",
        store: this.#store,
        isFetching: status === "loading" || status === "recovering" || fromCache,
        isStale: status !== "live",
        revalidationError: error,
      };
    }
    if (status === "closed") return { status: "error", error: error ?? this.#unmounted(), retry: this.#retry };
    const hasFailed = this.#switch !== undefined && error !== undefined && error !== this.#switch.errorBefore;
    return hasFailed ? { status: "error", error, retry: this.#retry } : LOADING;
  }

  /** Somebody else closed the root under us. */
  #unmounted(): MusubiError {
    const facts = { module: this.#module, id: this.#id };
    return new MusubiMountError("unmounted", `Root ${facts.module} "${facts.id}" was unmounted.`, facts);
  }

  #end(): void {
    this.#stopListening();
    this.#stopListening = () => {};
    this.#opened = undefined;
    this.#store = undefined;
    this.#result = LOADING;
    this.#isKept = false;
    this.#tell();
    this.#onEnd();
  }

  #notify(): void {
    for (const listener of Array.from(this.#listeners)) listener.call();
  }

  #options(paramsKey: string): MountOptions<string, AnyRegistry> {
    const identity = { module: this.#module, id: this.#id, params: JSON.parse(paramsKey) as object };
    return this.#cache === undefined ? identity : { ...identity, cache: this.#cache };
  }
}

/** The error, with a `retry` for whoever catches it; one that several roots failed with retries them all. */
function withRetry(error: RetryableError, retry: () => void): RetryableError {
  let retries = retriesOf.get(error);
  if (retries === undefined) {
    const all = (retries = new Set());
    retriesOf.set(error, all);
    error.retry = () => {
      for (const one of all) one();
    };
  }
  retries.add(retry);
  return error;
}

const retriesOf = new WeakMap<MusubiError, Set<() => void>>();
