import { type Clock, MusubiError, STORE_ID_KEY, type StoreNode } from "@musubi/protocol";
import type { Logger } from "./logger.js";
import type { Unsubscribe } from "./observable.js";
import type { CommandOptions } from "./root/command-queue.js";
import type { Root } from "./root/root.js";
import { Hydrator } from "./state/hydrate.js";
import type { StoreRecord } from "./state/store-record.js";
import { handleRecordEvent, subscribeRecord } from "./state/subscribers.js";

/** A store proxy without its types. */
export type UntypedStoreProxy = Readonly<Record<string, unknown>> & {
  readonly [STORE_ID_KEY]: readonly string[];
  dispatchCommand(name: string, payload?: unknown, options?: CommandOptions): Promise<unknown>;
  subscribe(listener: () => void): Unsubscribe;
  handleEvent(name: string, handler: (payload: unknown) => void): Unsubscribe;
  snapshot(): unknown;
};

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** What proxies need of a root, and those who take proxies. */
export interface ProxyRoot
  extends Pick<
    Root,
    | "tree"
    | "snapshots"
    | "dispatch"
    | "state"
    | "isClosed"
    | "closedError"
    | "version"
    | "cache"
    | "seed"
    | "retain"
    | "release"
  > {
  readonly host: { readonly clock: Clock; readonly logger: Logger };
}

/** What a proxy stands for. */
const TARGETS = new WeakMap<object, { readonly root: ProxyRoot; readonly record: StoreRecord }>();

/** What a proxy stands for. Throws `invalid_usage` for anything that is no proxy. */
export function targetOf(proxy: object): { readonly root: ProxyRoot; readonly record: StoreRecord } {
  const target = TARGETS.get(proxy);
  if (target !== undefined) return target;
  const advice = "This takes a store proxy: what mountStore gave you, or a store read from it.";
  throw new MusubiError("invalid_usage", advice);
}

/** The proxies of one root: one per store, made when first read (client.md rule 12). */
export class StoreProxies {
  readonly #root: ProxyRoot;
  readonly #proxies = new WeakMap<StoreRecord, UntypedStoreProxy>();
  readonly #hydrator: Hydrator;

  constructor(root: ProxyRoot) {
    this.#root = root;
    this.#hydrator = new Hydrator(root.tree, (_node, record) => this.of(record));
  }

  /** The proxy of a store. */
  of(record: StoreRecord): UntypedStoreProxy {
    let proxy = this.#proxies.get(record);
    if (proxy === undefined) {
      // Node's inspection looks past a proxy at its target, so that one says what to show.
      const inspect = { value: () => this.#root.snapshots.read(record), configurable: true };
      const target = Object.defineProperty({}, INSPECT, inspect);
      proxy = new Proxy(target, this.#handler(record)) as UntypedStoreProxy;
      this.#proxies.set(record, proxy);
      TARGETS.set(proxy, { root: this.#root, record });
    }
    return proxy;
  }

  #handler(record: StoreRecord): ProxyHandler<object> {
    const members = this.#members(record);
    const read = (node: StoreNode | undefined, key: string): unknown => {
      const value = node !== undefined && Object.hasOwn(node, key) ? node[key] : undefined;
      return value === undefined ? undefined : this.#hydrator.read(value, record);
    };
    return {
      get: (_target, key) => {
        if (Object.hasOwn(members, key)) return members[key as string];
        if (key === STORE_ID_KEY) return record.id;
        return typeof key === "string" ? read(record.node, key) : undefined;
      },
      has: (_target, key) => {
        if (Object.hasOwn(members, key) || key === STORE_ID_KEY) return true;
        return record.node !== undefined && Object.hasOwn(record.node, key);
      },
      ownKeys: () => (record.node === undefined ? [] : Reflect.ownKeys(record.node)),
      getOwnPropertyDescriptor: (_target, key) => {
        if (record.node === undefined || typeof key !== "string" || !Object.hasOwn(record.node, key)) return undefined;
        const value = key === STORE_ID_KEY ? record.id : read(record.node, key);
        return { value, enumerable: true, configurable: true, writable: false };
      },
      getPrototypeOf: () => Object.prototype,
      set: refuseWrite,
      defineProperty: refuseWrite,
      deleteProperty: refuseWrite,
      setPrototypeOf: refuseWrite,
      preventExtensions: refuseWrite,
    };
  }

  /** What a proxy offers beside the store's fields. */
  #members(record: StoreRecord): Record<string | symbol, unknown> {
    const root = this.#root;
    const snapshot = (): unknown => root.snapshots.read(record);
    return {
      dispatchCommand: (name: string, payload?: unknown, options?: CommandOptions) =>
        root.dispatch(record.id, name, payload, options),
      subscribe: (listener: () => void) => subscribeRecord(root.tree, root.tree.record(record.id), listener),
      handleEvent: (name: string, handler: (payload: unknown) => void) =>
        handleRecordEvent(root.tree, root.tree.record(record.id), name, handler),
      snapshot,
      toJSON: snapshot,
    };
  }
}

function refuseWrite(_target: object, key?: unknown): never {
  const what = typeof key === "string" ? `"${key}"` : "it";
  throw new MusubiError(
    "invalid_usage",
    `A store is owned by the server, so ${what} cannot be set here. Send a command with dispatchCommand instead.`,
  );
}
