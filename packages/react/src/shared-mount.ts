import { type AnyRegistry, type MusubiError, MusubiMountError } from "@musubi/client";
import type { OpenedRoot } from "@musubi/client/runtime";
import type { AnyConnection, AnyStore } from "./any-store.js";
import { LOADING, type RootResult } from "./root-result.js";
import { shallowEqual } from "./shallow-equal.js";

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
 * It owns no wire and no timer: the client's root does.
 */
export class SharedMount {
  readonly #connection: AnyConnection;
  readonly #module: string;
  readonly #id: string;
  readonly #onEnd: () => void;
  readonly #listeners = new Set<{ readonly call: () => void }>();
  /** How many holders want which params. */
  readonly #wanted = new Map<string, number>();
  /** Other params than the root's, whose holders share it all the same. */
  readonly #sharing = new Set<string>();
  #paramsKey = "";
  #opened: Opened | undefined;
  #stopListening: () => void = () => {};
  /** Other params are being mounted; what failed before then is not their failure. */
  #switch: { readonly errorBefore: MusubiError | undefined } | undefined;
  /** Set once there has been state for the present params. */
  #store: AnyStore | undefined;
  #result: RootResult<AnyStore> = LOADING;
  #isSettling = false;

  constructor(connection: AnyConnection, module: string, id: string, onEnd: () => void) {
    this.#connection = connection;
    this.#module = module;
    this.#id = id;
    this.#onEnd = onEnd;
  }

  /** How it stands for a holder who wants these params; the same object until it changes. */
  read(paramsKey: string): RootResult<AnyStore> {
    return paramsKey === this.#paramsKey || this.#sharing.has(paramsKey) ? this.#result : LOADING;
  }

  /** Holds the root; `listener` is called when what `read` returns may have changed. */
  retain(paramsKey: string, listener: () => void): () => void {
    const entry = { call: listener };
    this.#listeners.add(entry);
    const isFirst = this.#wanted.size === 0;
    this.#wanted.set(paramsKey, (this.#wanted.get(paramsKey) ?? 0) + 1);
    if (isFirst) this.#open(paramsKey);
    this.#settleSoon(paramsKey);
    return () => {
      if (this.#listeners.delete(entry)) this.#release(paramsKey);
    };
  }

  readonly #retry = (): void => {
    if (this.#result.status !== "error" || this.#wanted.size === 0) return;
    if (this.#isClosed) this.#reopen();
    else this.#remount();
  };

  get #isClosed(): boolean {
    return this.#opened === undefined || this.#opened.state.current.status === "closed";
  }

  #release(paramsKey: string): void {
    const left = (this.#wanted.get(paramsKey) ?? 0) - 1;
    if (left > 0) this.#wanted.set(paramsKey, left);
    else this.#wanted.delete(paramsKey);
    if (this.#wanted.size > 0) {
      this.#settleSoon(paramsKey);
    } else {
      this.#opened?.release();
      this.#refresh();
    }
  }

  /** A root that is still there is held again as it is, whatever the params: those are settled later. */
  #open(paramsKey: string): void {
    if (this.#isClosed) {
      this.#adopt(paramsKey);
      this.#switch = undefined;
    }
    const opened = this.#connection.openRoot(this.#options(this.#paramsKey));
    if (opened.state !== this.#opened?.state) {
      this.#stopListening();
      this.#stopListening = opened.state.subscribe(() => this.#refresh());
    }
    this.#opened = opened;
    this.#refresh();
  }

  #reopen(): void {
    this.#opened?.release();
    this.#open(this.#paramsKey);
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
    const { status, error } = opened.state.current;
    if (status === "closed") {
      if (this.#wanted.size === 0) {
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
    const next = this.#compute(status, error);
    if (shallowEqual(next, this.#result)) return;
    this.#result = next;
    this.#notify();
  }

  #compute(status: Opened["state"]["current"]["status"], error: MusubiError | undefined): RootResult<AnyStore> {
    if (this.#store !== undefined) {
      return {
        status: "ready",
        store: this.#store,
        isFetching: status === "loading" || status === "recovering",
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
    this.#onEnd();
  }

  #notify(): void {
    for (const listener of Array.from(this.#listeners)) listener.call();
  }

  #options(paramsKey: string): { module: string; id: string; params: object } {
    return { module: this.#module, id: this.#id, params: JSON.parse(paramsKey) as object };
  }
}
