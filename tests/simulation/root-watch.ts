import { type Root, readTree, rootVersion, subscribeStore } from "@musubi/client/runtime";
import { deepEqual, type JsonValue, STORE_ID_KEY, type StoreId, storeIdKey } from "@musubi/protocol";
import { Divergence } from "./divergence.js";
import { idOf, storesOf } from "./model-document.js";
import type { RootRun, RunVersion } from "./root-run.js";

/** A listener of the application, and how often it has to be called. */
export interface WatchedListener {
  readonly storeKey: string;
  calls: number;
  /** How often it must have been called at least, and may have been at most. */
  least: number;
  most: number;
  readonly stop: () => void;
}

/**
 * Looks over the shoulder of one client-side root: at any moment its state must be one that the server made, whole;
 * it goes from one to the next without gaps; listeners hear each change once; what does not change stays the
 * identical object; and what was there once never goes blank.
 */
export class RootWatch {
  readonly root: Root;
  readonly listeners: Set<WatchedListener> = new Set();
  /** What the root was asked for last. */
  label: number;
  readonly #runs: readonly RootRun[];
  readonly #stopSpy: () => void;
  readonly #events: number[] = [];
  readonly #expectedEvents: number[] = [];
  #run = -1;
  #version = 0;
  #tree: unknown;
  #parts: ReadonlyMap<string, object> = new Map();

  constructor(
    root: Root,
    proxy: { handleEvent(name: string, handler: (payload: unknown) => void): () => void },
    runs: readonly RootRun[],
    label: number,
  ) {
    this.label = label;
    this.root = root;
    this.#runs = runs;
    this.#look();
    this.#expectedEvents.length = 0;
    // One envelope at a time even when several arrive in one turn: those held back for a mount's reply.
    const stop = subscribeStore(root, [], () => this.#look());
    const stopEvents = proxy.handleEvent("note", (payload) => {
      this.#look();
      this.#events.push(payload as number);
    });
    this.#stopSpy = () => {
      stop();
      stopEvents();
    };
  }

  get hasState(): boolean {
    return this.#run >= 0;
  }

  /** The life of the root that the client shows. */
  get run(): RootRun | undefined {
    return this.#runs[this.#run];
  }

  get version(): number {
    return this.#version;
  }

  /** Ids of the stores that are there. */
  storeIds(): StoreId[] {
    const current = this.run?.history[this.#version];
    return current === undefined ? [] : storesOf(current.tree).map(idOf);
  }

  listen(storeId: StoreId): WatchedListener {
    this.check();
    const listener: WatchedListener = {
      storeKey: storeIdKey(storeId),
      calls: 0,
      least: 0,
      most: 0,
      stop: subscribeStore(this.root, storeId, () => listener.calls++),
    };
    this.listeners.add(listener);
    return listener;
  }

  unlisten(listener: WatchedListener): void {
    listener.stop();
    this.listeners.delete(listener);
  }

  /** To be called whenever nothing is half-way: between two events of the client. */
  check(): void {
    this.#look();
    for (const { storeKey, calls, least, most } of this.listeners) {
      if (calls < least || calls > most)
        throw new Divergence(
          "a listener hears each change once",
          `${this.root.key} store ${storeKey}: ${calls} calls, expected ${least} to ${most}, at run ${this.#run} version ${this.#version}`,
        );
    }
    if (JSON.stringify(this.#events) !== JSON.stringify(this.#expectedEvents))
      throw new Divergence(
        "events come once each",
        `${this.root.key}: ${this.#events.join()} for ${this.#expectedEvents.join()}`,
      );
  }

  /** Forgets the listeners; the root itself is the client's. */
  stop(): void {
    for (const listener of this.listeners) listener.stop();
    this.#stopSpy();
  }

  #look(): void {
    const tree = readTree(this.root);
    const version = rootVersion(this.root);
    if (tree === undefined) {
      if (this.hasState) throw new Divergence("the screen never blanks", `${this.root.key} lost its tree`);
      return;
    }
    const run = tree["run"] as number;
    if (run === this.#run && version === this.#version) {
      if (tree !== this.#tree) throw new Divergence("unchanged state is identical", `${this.root.key} at ${version}`);
      return;
    }
    this.#tree = tree;
    this.#follow(run, version);
    this.#compare(tree);
  }

  /** Counts what the listeners have to hear on the way from the state seen last. */
  #follow(run: number, version: number): void {
    const history = this.#runs[run]?.history;
    const target = history?.[version];
    if (history === undefined || target === undefined || target.isSpoilt)
      throw new Divergence("state is the server's", `${this.root.key} shows version ${version} of run ${run}`);
    const isSameRun = run === this.#run;
    if (isSameRun && version < this.#version)
      throw new Divergence("versions grow", `${this.root.key} went from ${this.#version} to ${version}`);
    const from = isSameRun ? this.#version : 0;
    let before = this.#run < 0 ? undefined : this.#runs[this.#run]?.history[this.#version];
    for (let at = from + 1; at <= version; at++) {
      const after = history[at] as RunVersion;
      for (const listener of this.listeners) count(listener, before, after, at === 1);
      this.#expectedEvents.push(...after.events);
      if (at === version) this.#checkSharing(before, after, at - from === 1, at === 1);
      before = after;
    }
    this.#run = run;
    this.#version = version;
  }

  #compare(tree: JsonValue): void {
    const expected = this.#runs[this.#run]?.history[this.#version] as RunVersion;
    if (!deepEqual(tree, expected.tree as JsonValue))
      throw new Divergence("the tree is the server's", this.#differs(tree, expected.tree));
    const snapshot = this.root.snapshots.read(this.root.tree.rootRecord);
    if (!deepEqual(snapshot as JsonValue, expected.snapshot as JsonValue))
      throw new Divergence("the snapshot is the server's", this.#differs(snapshot, expected.snapshot));
  }

  #differs(is: unknown, expected: unknown): string {
    return `${this.root.key} at run ${this.#run} version ${this.#version}\n  is       ${JSON.stringify(is)}\n  expected ${JSON.stringify(expected)}`;
  }

  #checkSharing(before: RunVersion | undefined, after: RunVersion, isOneStep: boolean, isInitial: boolean): void {
    const parts = new Map<string, object>();
    collectParts(this.root.snapshots.read(this.root.tree.rootRecord), parts);
    if (before !== undefined && isOneStep) {
      for (const [key, part] of parts) {
        const former = this.#parts.get(key);
        if (former === undefined || former === part || before.views.get(key) !== after.views.get(key)) continue;
        if (!mayDiffer(key, before, after, isInitial))
          throw new Divergence(
            "unchanged parts keep identity",
            `${this.root.key} store ${key}, ${isInitial ? "in an initial envelope" : JSON.stringify(after.ops)}`,
          );
      }
    }
    this.#parts = parts;
  }
}

function count(listener: WatchedListener, before: RunVersion | undefined, after: RunVersion, isInitial: boolean): void {
  if (before?.views.get(listener.storeKey) !== after.views.get(listener.storeKey)) {
    listener.least++;
    listener.most++;
  } else if (mayDiffer(listener.storeKey, before, after, isInitial)) {
    listener.most++;
  }
}

/**
 * Whether a store that did not change may still be a new object: it came whole in an op, or it is at another place
 * after an initial envelope, which matches stores by id within one list and all else by place.
 */
function mayDiffer(key: string, before: RunVersion | undefined, after: RunVersion, isInitial: boolean): boolean {
  if (!isInitial) return after.rewritten.has(key);
  return before?.placements.get(key) !== after.placements.get(key);
}

/** The snapshots of all stores in a snapshot, by id. */
function collectParts(value: unknown, parts: Map<string, object>): void {
  if (typeof value !== "object" || value === null) return;
  const id = (value as Record<string, unknown>)[STORE_ID_KEY];
  if (id !== undefined) parts.set(storeIdKey(id as StoreId), value);
  for (const member of Object.values(value)) collectParts(member, parts);
}
