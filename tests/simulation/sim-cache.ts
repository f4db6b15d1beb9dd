import type { CacheOptions, CachePersister, CacheRecord } from "@musubi/client";
import type { Root } from "@musubi/client/runtime";
import { deepEqual, type JsonValue, type StoreNode, storeIdKey } from "@musubi/protocol";
import type { Coverage } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { streamKey } from "./model-document.js";
import { PLANNED_ERROR } from "./planned-error.js";
import type { RootRun, RunVersion } from "./root-run.js";
import type { VirtualTime } from "./virtual-time.js";

/** How a persister answers. */
export type PersisterMood = "at_once" | "late" | "never" | "throws" | "rejects" | "malformed";

/** How long a record stays good, in milliseconds. */
export const GC_TIME_MS = 90_000;

/** A state that was kept: of which life of a root, at which version. */
export interface KeptState {
  readonly run: number;
  readonly version: number;
  readonly record: CacheRecord;
}

/** Where an application keeps states, well or badly; each must be one that the server made, whole. */
export class SimCache implements CachePersister {
  mood: PersisterMood = "at_once";
  readonly #time: VirtualTime;
  readonly #clock: ReturnType<VirtualTime["clock"]>;
  readonly #runs: readonly RootRun[];
  readonly #coverage: Coverage;
  readonly #fail: (error: unknown) => void;
  readonly #records = new Map<string, CacheRecord>();
  readonly #kept: KeptState[] = [];
  readonly #handedOver: KeptState[] = [];

  constructor(time: VirtualTime, runs: readonly RootRun[], coverage: Coverage, fail: (error: unknown) => void) {
    this.#time = time;
    this.#clock = time.clock();
    this.#runs = runs;
    this.#coverage = coverage;
    this.#fail = fail;
  }

  /** Options to mount with; none without a buster. */
  options(buster: string | undefined): CacheOptions | undefined {
    return buster === undefined ? undefined : { persister: this, gcTime: GC_TIME_MS, buster };
  }

  /** A state was made into a record that the application hands over. */
  handedOver(record: CacheRecord): void {
    const kept = this.#find(record);
    if (kept === undefined)
      this.#fail(new Divergence("what is handed over is a state of the server's", JSON.stringify(record.tree)));
    else this.#handedOver.push(kept);
  }

  get(key: string): unknown {
    return this.#answer(() => this.#records.get(key));
  }

  set(key: string, record: CacheRecord): unknown {
    const kept = this.#find(record);
    if (kept === undefined) this.#fail(new Divergence("what is kept is a state of the server's", key));
    else this.#kept.push(kept);
    this.#coverage.note("state kept");
    return this.#answer(() => void this.#records.set(key, record));
  }

  delete(key: string): unknown {
    return this.#answer(() => void this.#records.delete(key));
  }

  keys(): string[] {
    return Array.from(this.#records.keys());
  }

  /** Which state a root shows that has none of the server's own yet: one that may be shown there, now. */
  shownBy(root: Root, tree: StoreNode, snapshot: (version: RunVersion) => boolean): Pick<KeptState, "version"> {
    const isIt = ({ run, version, record }: KeptState): boolean =>
      deepEqual(record.tree, tree) && snapshot(this.#runs[run]?.history[version] as RunVersion);
    const given = root.cache?.initialData === undefined ? undefined : this.#handedOver.findLast(isIt);
    if (given !== undefined) {
      this.#coverage.note("initial data shown");
      return given;
    }
    if (root.cache?.persister === undefined) return this.#unseen(tree, snapshot, root.key);
    const shown = this.#kept.findLast(isIt);
    if (shown === undefined) throw new Divergence("a cached state is one that was kept", root.key);
    const { buster, savedAt } = shown.record;
    const isGood = buster === root.cache?.buster && this.#time.now - savedAt <= GC_TIME_MS + 3_000;
    if (!isGood) throw new Divergence("a cached state is a good one", `${root.key}: ${buster}, of ${savedAt}`);
    if (savedAt < (root.cache?.initialData?.savedAt ?? 0))
      throw new Divergence("the newer of two cached states is shown", `${root.key}: one of ${savedAt}`);
    if (!deepEqual(this.#runs[shown.run]?.params as JsonValue, root.mountedParams as JsonValue))
      throw new Divergence("a cached state has the params asked for", root.key);
    this.#coverage.note("cached state shown");
    return shown;
  }

  /** A state that the connection kept in a memory of its own, where nobody looks. */
  #unseen(tree: StoreNode, snapshot: (version: RunVersion) => boolean, key: string): Pick<KeptState, "version"> {
    const { history = [] } = this.#runs[tree["run"] as number] ?? {};
    const version = history.findLastIndex(
      (each) => !each.isSpoilt && deepEqual(each.tree as JsonValue, tree) && snapshot(each),
    );
    if (version < 0) throw new Divergence("a cached state is one of the server's", key);
    return { version };
  }

  #find(record: CacheRecord): KeptState | undefined {
    const run = this.#runs[record.tree["run"] as number];
    const isIt = (version: RunVersion): boolean =>
      !version.isSpoilt && deepEqual(version.tree as JsonValue, record.tree) && hasStreams(version, record);
    const version = run?.history.findLastIndex(isIt) ?? -1;
    return run === undefined || version < 0 ? undefined : { run: run.number, version, record };
  }

  #answer(act: () => unknown): unknown {
    if (this.mood !== "at_once") this.#coverage.note("persister in trouble");
    switch (this.mood) {
      case "at_once":
        return act();
      case "throws":
        throw PLANNED_ERROR;
      case "rejects":
        return Promise.reject(PLANNED_ERROR);
      case "never":
        return new Promise(() => {});
      case "malformed":
        act();
        return { format: 1, buster: "", savedAt: this.#time.now, tree: { a: 1 }, streams: [{}] };
      case "late":
        return new Promise((resolve) => {
          this.#clock.setTimeout(() => resolve(act()), 700);
        });
    }
  }
}

function hasStreams({ streams }: RunVersion, record: CacheRecord): boolean {
  const filled = Array.from(streams).filter(([, entries]) => entries.length > 0);
  if (filled.length !== record.streams.length) return false;
  return record.streams.every(({ store_id, stream, keys, items }) => {
    const entries = streams.get(streamKey(storeIdKey(store_id), stream)) ?? [];
    return deepEqual(entries, keys.map((key, index) => [key, items[index]]) as unknown as JsonValue);
  });
}
