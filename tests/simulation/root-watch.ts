import type { UploadHandle } from "@musubi/client";
import { type Root, readStream, readTree, rootVersion, subscribeStore } from "@musubi/client/runtime";
import { deepEqual, type JsonValue, STORE_ID_KEY, type StoreId, type StoreNode, storeIdKey } from "@musubi/protocol";
import { type Coverage, covered } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { hydrate, idOf, STREAMS, storesOf, streamKey } from "./model-document.js";
import {
  changedMarks,
  type Overlay,
  overlaysBehind,
  type RootMoment,
  readMarks,
  type SeenMarks,
} from "./optimistic.js";
import type { RootRun, RunVersion } from "./root-run.js";
import type { SimCache } from "./sim-cache.js";
import { mayDiffer, WatchedListener, withContaining } from "./watched-listener.js";

const ROOT_KEY = storeIdKey([]);
const NO_MARKS: SeenMarks = new Map();

/**
 * Looks over the shoulder of one client-side root: at any moment its state must be one that the server made, whole;
 * it goes from one to the next without gaps; listeners hear each change once; what does not change stays the
 * identical object; what was there once never goes blank; and optimistic updates lie over it exactly while their
 * commands want them.
 */
export class RootWatch {
  readonly root: Root;
  readonly listeners: Set<WatchedListener> = new Set();
  /** What the root was asked for last. */
  label: number;
  readonly #runs: readonly RootRun[];
  readonly #now: () => number;
  readonly #coverage: Coverage;
  readonly #cache: SimCache;
  readonly #stopSpy: () => void;
  readonly #events: number[] = [];
  readonly #expectedEvents: number[] = [];
  /** Stopped in the middle of a notification, which still has to reach them. */
  readonly #leaving = new Set<WatchedListener>();
  #overlays: Overlay[] = [];
  #marks: SeenMarks = NO_MARKS;
  #run = -1;
  /** Whether the state is a cached one. */
  #isSeed = false;
  #version = 0;
  #snapshot: unknown;
  /** The root's slot for files: its store never leaves the tree. */
  #slot: UploadHandle | undefined;
  /** What is to be seen of the root's files. */
  #files = "";
  #parts: ReadonlyMap<string, object> = new Map();

  constructor(
    root: Root,
    proxy: { handleEvent(name: string, handler: (payload: unknown) => void): () => void },
    runs: readonly RootRun[],
    label: number,
    world: { readonly now: () => number; readonly coverage: Coverage; readonly cache: SimCache },
  ) {
    this.label = label;
    this.root = root;
    this.#runs = runs;
    this.#now = world.now;
    this.#coverage = world.coverage;
    this.#cache = world.cache;
    this.look();
    this.#expectedEvents.length = 0;
    // One envelope at a time even when several arrive in one turn: those held back for a mount's reply.
    const stop = subscribeStore(root, [], () => this.look());
    const stopEvents = proxy.handleEvent("note", (payload) => {
      this.look();
      this.#events.push(payload as number);
    });
    const stopState = root.state.subscribe(() => {
      const { status, error } = root.state.current;
      if (status === "recovering") this.#coverage.note("root recovering");
      if (status === "stale") this.#coverage.note("root stale");
      if (status === "failed") this.#coverage.note(covered(`root failed: ${error?.code}`));
    });
    this.#stopSpy = () => {
      stopState();
      stop();
      stopEvents();
    };
  }

  get hasState(): boolean {
    return this.#run >= 0;
  }

  /** Whether nothing of the server's own was there yet. */
  get isSeed(): boolean {
    return this.#isSeed;
  }

  /** The life of the root that the client shows. */
  get run(): RootRun | undefined {
    return this.#runs[this.#run];
  }

  get version(): number {
    return this.#version;
  }

  get moment(): RootMoment {
    return {
      now: this.#now(),
      run: this.#run,
      version: this.#version,
      status: this.root.state.current.status,
    };
  }

  /** Ids of the stores that are there. */
  storeIds(): StoreId[] {
    const { current } = this;
    return current === undefined ? [] : storesOf(current.tree).map(idOf);
  }

  get current(): RunVersion | undefined {
    return this.run?.history[this.#version];
  }

  /** The root's slot for files, where its server has one. */
  get slot(): UploadHandle | undefined {
    return (this.#snapshot as { readonly files?: UploadHandle } | undefined)?.files;
  }

  /** Begins to listen to a store; `react` is called with each call, in the middle of the notification. */
  listen(storeId: StoreId, react?: (listener: WatchedListener) => void): WatchedListener {
    this.look();
    const listener = new WatchedListener(storeIdKey(storeId));
    listener.start(
      (call) => subscribeStore(this.root, storeId, call),
      react === undefined ? undefined : () => react(listener),
    );
    this.listeners.add(listener);
    return listener;
  }

  /** Stops listening; what is being told just now is still heard. */
  unlisten(listener: WatchedListener): void {
    if (!this.listeners.has(listener)) return;
    this.look();
    listener.stop();
    this.listeners.delete(listener);
    this.#leaving.add(listener);
  }

  /** An update is about to be laid over a store. */
  expectOverlay(overlay: Overlay): void {
    overlay.mayHide = this.current?.views.has(overlay.storeKey) !== true;
    this.#overlays.push(overlay);
  }

  isShown({ storeKey, token }: Overlay): boolean {
    this.look();
    return this.#marks.get(storeKey)?.includes(token) === true;
  }

  /** To be called whenever nothing is half-way: between two events of the client. */
  check(): void {
    this.look();
    const where = `${this.root.key} at run ${this.#run} version ${this.#version}`;
    for (const listener of this.listeners) listener.check(where);
    for (const listener of this.#leaving) listener.check(`${where}, stopped`);
    this.#leaving.clear();
    if (JSON.stringify(this.#events) !== JSON.stringify(this.#expectedEvents))
      throw new Divergence(
        "events come once each",
        `${this.root.key}: ${this.#events.join()} for ${this.#expectedEvents.join()}`,
      );
    if (this.#overlays.length > 0) this.#checkOverlays(where);
  }

  /** Forgets the listeners; the root itself is the client's. */
  stop(): void {
    for (const listener of this.listeners) listener.stop();
    this.#stopSpy();
  }

  /** Takes note of where the root is; may be called in the middle of things. */
  look(): void {
    const tree = readTree(this.root);
    const own = rootVersion(this.root);
    if (tree === undefined) {
      if (this.hasState) throw new Divergence("the screen never blanks", `${this.root.key} lost its tree`);
      return;
    }
    const run = tree["run"] as number;
    const snapshot = this.root.snapshots.read(this.root.tree.rootRecord);
    const isSeed = own === 0;
    if (isSeed !== this.root.state.current.fromCache && isSeed)
      throw new Divergence("a cached state is said to be one", this.root.key);
    const before = this.#marks;
    if (snapshot !== this.#snapshot) this.#marks = this.#overlays.length === 0 ? NO_MARKS : readMarks(snapshot);
    const version = isSeed ? this.#seedOf(tree, snapshot) : own;
    const isSame = run === this.#run && version === this.#version && isSeed === this.#isSeed;
    if (isSame && snapshot === this.#snapshot) return;
    this.#snapshot = snapshot;
    const changed = changedMarks(before, this.#marks);
    const { slot } = this;
    if (slot !== undefined && this.#slot !== undefined && slot !== this.#slot)
      throw new Divergence("a slot is one object", `${this.root.key} at version ${version}`);
    this.#slot = slot ?? this.#slot;
    const files = JSON.stringify(slot) ?? "";
    if (files !== this.#files) changed.push(ROOT_KEY);
    this.#files = files;
    if (before.size > 0 && this.#marks.size > 0 && !isSame) this.#coverage.note("update through an envelope");
    if (Array.from(this.#marks.values()).flat().length > 1) this.#coverage.note("several updates at once");
    if (isSame) this.#stepOverlays(changed);
    else this.#follow(run, version, changed, isSeed);
    this.#compare(tree, snapshot);
  }

  /** Only updates came or went. */
  #stepOverlays(changed: readonly string[]): void {
    const current = this.current as RunVersion;
    const unseen = this.#unseen;
    if (changed.length === 0 && unseen.length === 0)
      throw new Divergence("unchanged state is identical", `${this.root.key} at ${this.#version}`);
    const surely = withContaining(changed, current);
    const maybe = withContaining(unseen, current);
    for (const { listener, key } of this.#heard) {
      listener.expect(surely.has(key) ? "surely" : maybe.has(key) ? "maybe" : "never");
    }
    this.#checkSharing(undefined, current, false, (key) => surely.has(key) || maybe.has(key));
  }

  /** Counts what the listeners have to hear on the way from the state seen last. */
  #follow(run: number, version: number, changed: readonly string[], isSeed: boolean): void {
    const { module, id } = this.root;
    const found = this.#runs[run];
    if (found?.pair !== `${module}/${id}`)
      throw new Divergence("a root shows its own state", `${this.root.key}: run ${run}`);
    const { history } = found;
    const target = history[version];
    if (target === undefined || target.isSpoilt)
      throw new Divergence("state is the server's", `${this.root.key} shows version ${version} of run ${run}`);
    const isSameRun = run === this.#run && !this.#isSeed;
    if (isSameRun && version < this.#version)
      throw new Divergence("versions grow", `${this.root.key} went from ${this.#version} to ${version}`);
    const from = isSeed ? version - 1 : isSameRun ? this.#version : 0;
    const first = this.current;
    let before = first;
    for (let at = from + 1; at <= version; at++) {
      const after = history[at] as RunVersion;
      const isLast = at === version;
      const surely = isLast ? withContaining(changed, before, after) : new Set<string>();
      const maybe = isLast ? withContaining(this.#unseen, before, after) : new Set<string>();
      for (const { listener, key } of this.#heard) {
        const isChanged = before?.views.get(key) !== after.views.get(key) || surely.has(key);
        const isMaybe = maybe.has(key) || mayDiffer(key, before, after, isSeed || at === 1);
        listener.expect(isChanged ? "surely" : isMaybe ? "maybe" : "never");
      }
      for (const overlay of this.#overlays) if (!after.views.has(overlay.storeKey)) overlay.mayHide = true;
      if (!isSeed) this.#expectedEvents.push(...after.events);
      if (isLast && at - from === 1) {
        this.#checkSharing(before, after, isSeed || at === 1, (key) => surely.has(key) || maybe.has(key));
      } else if (isLast) {
        this.#parts = partsOf(this.#snapshot);
      }
      before = after;
    }
    if (this.#isSeed && !isSeed) this.#coverage.note("cached state replaced by the server's");
    this.#run = run;
    this.#version = version;
    this.#isSeed = isSeed;
  }

  /** The version of a cached state: the one seen last, unless a newer record has taken its place. */
  #seedOf(tree: StoreNode, snapshot: unknown): number {
    const isIt = (kept: RunVersion): boolean => this.#isExpected(tree, snapshot, kept) && this.#hasStreams(kept);
    const { current } = this;
    const isSame = this.#isSeed && current !== undefined && deepEqual(tree, current.tree as JsonValue);
    return isSame && isIt(current) ? this.#version : this.#cache.shownBy(this.root, tree, isIt).version;
  }

  /** Whether the streams are there that nothing shows, too: versions that look alike may differ in them alone. */
  #hasStreams({ tree, streams }: RunVersion): boolean {
    return storesOf(tree).every((store) =>
      STREAMS.every((name) => {
        const items = (streams.get(streamKey(storeIdKey(idOf(store)), name)) ?? []).map(([, item]) => item);
        return deepEqual(readStream(this.root, idOf(store), name), items);
      }),
    );
  }

  #compare(tree: StoreNode, snapshot: unknown): void {
    const current = this.current as RunVersion;
    if (!deepEqual(tree, current.tree as JsonValue))
      throw new Divergence("the tree is the server's", this.#differs(tree, current.tree));
    if (!this.#isExpected(tree, snapshot, current))
      throw new Divergence("the snapshot is the server's", this.#differs(snapshot, this.#expected(current)));
  }

  #isExpected(tree: StoreNode, snapshot: unknown, version: RunVersion): boolean {
    const { files } = tree;
    const plainly = files === undefined ? snapshot : { ...(snapshot as object), files };
    return deepEqual(plainly as JsonValue, this.#expected(version) as JsonValue);
  }

  /** What an app is to read of a state, with the updates that are seen laid over it. */
  #expected({ tree, streams, snapshot }: RunVersion): unknown {
    const shown = overlaysBehind(this.#marks, this.#overlays);
    if (shown.size === 0) return snapshot;
    return hydrate(tree, streams, ROOT_KEY, (key, state) =>
      (shown.get(key) ?? []).reduce((given, overlay) => overlay.update(given), state),
    );
  }

  #checkOverlays(where: string): void {
    const { moment } = this;
    for (const overlay of this.#overlays) {
      const verdict = overlay.judge(moment);
      if (overlay.outcome === "resolved" && !overlay.wasShown && !overlay.mayHide && overlay.kind !== "throw")
        throw new Divergence("an update shows at once", `${where}: ${overlay.token} over ${overlay.storeKey}`);
      if (verdict === "either" || overlay.kind === "throw") continue;
      const isThere = this.#marks.get(overlay.storeKey)?.includes(overlay.token) === true;
      if (isThere !== (verdict === "shown"))
        throw new Divergence(
          verdict === "shown" ? "an update shows while it is wanted" : "an update goes in time",
          `${where}: ${overlay.token} (${overlay.outcome ?? "under way"}) over ${overlay.storeKey}`,
        );
    }
    this.#overlays = this.#overlays.filter((overlay) => {
      if (!overlay.isOver(moment)) return true;
      if (overlay.wasShown) this.#coverage.note(overlay.ending);
      return false;
    });
  }

  #checkSharing(
    before: RunVersion | undefined,
    after: RunVersion,
    isInitial: boolean,
    isExcused: (key: string) => boolean,
  ): void {
    const parts = partsOf(this.#snapshot);
    for (const [key, part] of parts) {
      const former = this.#parts.get(key);
      if (former === undefined || former === part || isExcused(key)) continue;
      const isSame = before === undefined || before.views.get(key) === after.views.get(key);
      if (isSame && (before === undefined || !mayDiffer(key, before, after, isInitial)))
        throw new Divergence(
          "unchanged parts keep identity",
          `${this.root.key} store ${key}, ${isInitial ? "in an initial envelope" : JSON.stringify(after.ops)}`,
        );
    }
    this.#parts = parts;
  }

  get #heard(): { readonly listener: WatchedListener; readonly key: string }[] {
    return Array.from(this.listeners, (listener) => ({ listener, key: listener.storeKey }));
  }

  /**
   * Stores that may be told of nothing that is to be seen: an update that throws came or went, or a slot heard of a
   * selection.
   */
  get #unseen(): string[] {
    const throwing = this.#overlays.flatMap((overlay) => (overlay.kind === "throw" ? [overlay.storeKey] : []));
    return this.slot === undefined ? throwing : [...throwing, ROOT_KEY];
  }

  #differs(is: unknown, expected: unknown): string {
    return `${this.root.key} at run ${this.#run} version ${this.#version}\n  is       ${JSON.stringify(is)}\n  expected ${JSON.stringify(expected)}`;
  }
}

/** The snapshots of all stores in a snapshot, by id. */
function partsOf(snapshot: unknown): Map<string, object> {
  const parts = new Map<string, object>();
  collectParts(snapshot, parts);
  return parts;
}

function collectParts(value: unknown, parts: Map<string, object>): void {
  if (typeof value !== "object" || value === null) return;
  const id = (value as Record<string, unknown>)[STORE_ID_KEY];
  if (id !== undefined) parts.set(storeIdKey(id as StoreId), value);
  for (const [name, member] of Object.entries(value)) if (name !== "files") collectParts(member, parts);
}
