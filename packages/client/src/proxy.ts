import { type Clock, type JsonValue, MusubiError, STORE_ID_KEY, type StoreNode } from "@musubi/protocol";
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

/** What is below every proxy. Node's inspection looks past a proxy at that, so that it says what to show. */
const TARGET = {
  [Symbol.for("nodejs.util.inspect.custom")](this: UntypedStoreProxy): unknown {
    return this.snapshot();
  },
};

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

const proxies = new WeakMap<StoreRecord, UntypedStoreProxy>();
const hydrators = new WeakMap<ProxyRoot, Hydrator>();

/**
 * The proxy of a store of a root, which is the root's own if none is given: one per store, made when first read
 * (client.md rule 12), so that all holders of a root read through the same ones.
 */
export function storeProxy(root: ProxyRoot, record: StoreRecord = root.tree.rootRecord): UntypedStoreProxy {
  let proxy = proxies.get(record);
  if (proxy === undefined) {
    proxy = new Proxy<object>(TARGET, handlerOf(root, record)) as UntypedStoreProxy;
    proxies.set(record, proxy);
    TARGETS.set(proxy, { root, record });
  }
  return proxy;
}

function handlerOf(root: ProxyRoot, record: StoreRecord): ProxyHandler<object> {
  const snapshot = (): unknown => root.snapshots.read(record);
  /** What a proxy offers beside the store's fields. */
  const members: Readonly<Record<string | symbol, unknown>> = {
    __proto__: null,
    dispatchCommand: (name: string, payload?: unknown, options?: CommandOptions) =>
      root.dispatch(record.id, name, payload, options),
    subscribe: (listener: () => void) => subscribeRecord(root.tree, root.tree.record(record.id), listener),
    handleEvent: (name: string, handler: (payload: unknown) => void) =>
      handleRecordEvent(root.tree, root.tree.record(record.id), name, handler),
    snapshot,
    toJSON: snapshot,
  };
  let hydrator = hydrators.get(root);
  if (hydrator === undefined) {
    hydrator = new Hydrator(root.tree, (_node, child) => storeProxy(root, child));
    hydrators.set(root, hydrator);
  }
  const read = (key: string | symbol): unknown => {
    if (key === STORE_ID_KEY) return record.id;
    const { node } = record;
    return hasField(node, key) ? hydrator.read(node[key as string] as JsonValue, record) : undefined;
  };
  return {
    get: (_target, key) => (key in members ? members[key] : read(key)),
    has: (_target, key) => key in members || key === STORE_ID_KEY || hasField(record.node, key),
    ownKeys: () => Reflect.ownKeys(record.node ?? {}),
    getOwnPropertyDescriptor: (_target, key) =>
      hasField(record.node, key)
        ? { value: read(key), enumerable: true, configurable: true, writable: false }
        : undefined,
    set: refuseWrite,
    defineProperty: refuseWrite,
    deleteProperty: refuseWrite,
    setPrototypeOf: refuseWrite,
    preventExtensions: refuseWrite,
  };
}

function hasField(node: StoreNode | undefined, key: string | symbol): node is StoreNode {
  return node !== undefined && Object.hasOwn(node, key);
}

function refuseWrite(_target: object, key?: unknown): never {
  const what = typeof key === "string" ? key : "a store";
  throw new MusubiError("invalid_usage", `Cannot set ${what}: the server owns it. Use dispatchCommand.`);
}
