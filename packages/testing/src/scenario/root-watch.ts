import type { OpenedRoot } from "@musubi/client/runtime";
import type { AnyRegistry, Unsubscribe } from "@musubi/client";
import { deepEqual, isObject, type JsonValue, type StoreId, storeIdKey } from "@musubi/protocol";
import type { ClientRuntime } from "./client-runtime.js";
import { Violation } from "./invariants.js";
import { show } from "./match.js";
import type { ReferenceRoot } from "./reference.js";
import type { Touched } from "./reference-tree.js";

type Engine = ReturnType<ClientRuntime["openConnectionState"]>["connection"];
type RootHandle = NonNullable<ReturnType<Engine["find"]>>;

/** A store that is listened to. */
interface Heard {
  readonly storeId: StoreId;
  readonly stop: Unsubscribe;
  /** Calls since the last frame. */
  calls: number;
  /** Calls since a step last asked. */
  unasked: number;
}

/** Invariants 5 to 10 for one root, while the scenario holds it. */
export class RootWatch {
  readonly opened: OpenedRoot<string, AnyRegistry>;
  readonly #reference: ReferenceRoot;
  readonly #client: ClientRuntime;
  readonly #find: () => RootHandle | undefined;
  readonly #heard = new Map<string, Heard>();
  #snapshots = new Map<string, unknown>();
  /** Whether a command with an `optimistic` update was dispatched: then a snapshot may change without a frame. */
  hasOptimistic = false;

  constructor(
    opened: OpenedRoot<string, AnyRegistry>,
    reference: ReferenceRoot,
    client: ClientRuntime,
    find: () => RootHandle | undefined,
  ) {
    this.opened = opened;
    this.#reference = reference;
    this.#client = client;
    this.#find = find;
    this.#listen([]);
  }

  get snapshot(): unknown {
    return (this.opened.store as { snapshot(): unknown }).snapshot();
  }

  /** How often a store's listener was called since this was last asked. */
  takeCalls(storeId: StoreId): number {
    const heard = this.#listen(storeId);
    const calls = heard.unasked;
    heard.unasked = 0;
    return calls;
  }

  /** Before a frame reaches the client. */
  begin(): void {
    for (const heard of this.#heard.values()) heard.calls = 0;
  }

  /** After a frame that concerned these stores. */
  end(touched: Touched | undefined): void {
    if (this.opened.state.current.status === "closed") return;
    const isFirst = this.#snapshots.size === 0;
    this.#checkCalls(touched);
    this.check(touched);
    for (const storeId of this.#reference.tree.stores.values()) this.#listen(storeId);
    // That the first state has come is said by the mount; listeners count what comes after it.
    if (isFirst) for (const heard of this.#heard.values()) heard.unasked = 0;
  }

  /** What holds at any time; `touched` is what may have changed since the last look. */
  check(touched?: Touched): void {
    if (this.opened.state.current.status === "closed") return;
    this.#checkState();
    this.#checkSnapshots(touched);
  }

  stop(): void {
    for (const heard of this.#heard.values()) heard.stop();
    this.#heard.clear();
  }

  #listen(storeId: StoreId): Heard {
    const key = storeIdKey(storeId);
    const known = this.#heard.get(key);
    if (known !== undefined) return known;
    const root = this.#find();
    const listener = (): void => {
      heard.calls++;
      heard.unasked++;
    };
    const stop = root === undefined ? () => {} : this.#client.subscribeStore(root, storeId, listener);
    const heard: Heard = { storeId, stop, calls: 0, unasked: 0 };
    this.#heard.set(key, heard);
    return heard;
  }

  #checkCalls(touched: Touched | undefined): void {
    for (const [key, { calls, storeId }] of this.#heard) {
      const most = this.hasOptimistic || touched?.may.has(key) === true ? 1 : 0;
      const least = !this.hasOptimistic && touched?.must.has(key) === true ? 1 : 0;
      if (calls >= least && calls <= (touched?.envelopes ?? 1) * most) continue;
      const why = least > 0 ? "the frame changed it" : most > 0 ? "the frame led through it" : "nothing in it changed";
      throw new Violation(
        7,
        `the listener of store ${show(storeId)} of ${this.#name} was called ${calls} times, and ${why}`,
      );
    }
  }

  #checkState(): void {
    const root = this.#find();
    const { phase, version, tree } = this.#reference;
    if (root === undefined || tree.root === undefined || phase !== "live") return;
    const has = this.#client.rootVersion(root);
    if (has !== version) throw new Violation(5, `${this.#name} is at version ${has}, and the wire at ${version}`);
    const held = this.#client.readTree(root) as JsonValue | undefined;
    if (held === undefined || !deepEqual(held, tree.root)) {
      throw new Violation(6, `${this.#name} holds ${show(held)}, and the wire says ${show(tree.root)}`);
    }
    for (const [key, streams] of tree.streams) {
      const storeId = tree.stores.get(key) ?? [];
      for (const [name, entries] of streams) {
        const items = this.#client.readStream(root, storeId, name) as JsonValue;
        const expected = entries.map(({ item }) => item);
        if (deepEqual(items, expected)) continue;
        throw new Violation(6, `stream "${name}" of ${this.#name} holds ${show(items)}, not ${show(expected)}`);
      }
    }
  }

  #checkSnapshots(touched: Touched | undefined): void {
    const { snapshot } = this;
    if (snapshot === undefined) {
      if (this.#snapshots.size > 0) throw new Violation(8, `the snapshot of ${this.#name} is gone`);
      return;
    }
    const loose = unfrozen(snapshot, "");
    if (loose !== undefined) throw new Violation(9, `the snapshot of ${this.#name} can be written to at "${loose}"`);
    const now = new Map<string, unknown>();
    collectStores(snapshot, now);
    for (const [key, value] of now) {
      const before = this.#snapshots.get(key);
      if (before === undefined || this.hasOptimistic) continue;
      const store = `store ${key === "" ? "[]" : key} of ${this.#name}`;
      if (value !== before && touched?.may.has(key) !== true) {
        throw new Violation(10, `${store} has another snapshot, and nothing in it changed`);
      }
      if (value === before && touched?.must.has(key) === true) {
        throw new Violation(10, `${store} has the same snapshot, and something in it changed`);
      }
    }
    this.#snapshots = now;
  }

  get #name(): string {
    return this.#reference.name;
  }
}

/** The place of something that is not frozen. Only plain values are looked at: handles of uploads may live. */
function unfrozen(value: unknown, at: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return undefined;
  if (!Object.isFrozen(value)) return at === "" ? "/" : at;
  for (const [key, member] of Object.entries(value)) {
    const found = unfrozen(member, `${at}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function collectStores(value: unknown, stores: Map<string, unknown>): void {
  if (Array.isArray(value)) for (const item of value) collectStores(item, stores);
  else if (isObject(value)) {
    const id = value["__musubi_store_id__"];
    if (Array.isArray(id)) stores.set(storeIdKey(id as StoreId), value);
    for (const member of Object.values(value)) collectStores(member, stores);
  }
}
