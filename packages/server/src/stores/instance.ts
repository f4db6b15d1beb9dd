import { type JsonObject, type StoreId, storeIdKey } from "@musubi/protocol";
import { type AsyncSlots, NO_SLOTS } from "./async/async-slots.js";
import type { Assigns, ErasedDefinition, ErasedStream } from "./erased.js";
import type { Resource } from "./resource.js";
import type { RootScope } from "./root-scope.js";
import type { AnyStore } from "./store-types.js";

/** A stream of an instance: its definition and the reference its ops carry. */
export interface InstanceStream {
  readonly definition: ErasedStream;
  readonly ref: string;
}

/** What a cycle can change of an instance, and restore. */
export interface InstanceState {
  assigns: Assigns;
  /** What the schema made of the props, for the store's code. */
  params: unknown;
  /** The props as the parent gave them last; functions are called through here. */
  props: Readonly<Record<string, unknown>>;
  /** Async work that is asked for, runs, or whose result waits. */
  async: AsyncSlots;
  /** By id, which is unique among all children of one parent. */
  children: ReadonlyMap<string, Instance>;
  /** Where the parent's node holds this one. */
  position: readonly (string | number)[];
  /** The rendered subtree, children included; `null` before the first render. Never changed once sent. */
  node: JsonObject | null;
  /** Taken out of the tree. */
  detached: boolean;
}

const NO_CHILDREN: ReadonlyMap<string, Instance> = new Map();

/** One store in the tree of one root. It owns no behaviour: cycles change it, and put it back when they fail. */
export class Instance {
  readonly scope: RootScope;
  readonly store: AnyStore;
  readonly parent: Instance | null;
  readonly id: string;
  readonly storeId: StoreId;
  /** {@link storeId} as a key of Maps. */
  readonly key: string;
  readonly depth: number;
  readonly streams: ReadonlyMap<string, InstanceStream>;
  readonly resources: Set<Resource> = new Set();
  state: InstanceState;
  readonly #wrappers = new Map<string, (...args: unknown[]) => unknown>();

  constructor(scope: RootScope, store: AnyStore, parent: Instance | null, id: string) {
    this.scope = scope;
    this.store = store;
    this.parent = parent;
    this.id = id;
    this.storeId = parent === null ? [] : [...parent.storeId, id];
    this.key = storeIdKey(this.storeId);
    this.depth = this.storeId.length;
    const streams = new Map<string, InstanceStream>();
    for (const [name, definition] of store.definition.streams) streams.set(name, { definition, ref: scope.nextRef() });
    this.streams = streams;
    this.state = {
      assigns: {},
      params: undefined,
      props: {},
      async: NO_SLOTS,
      children: NO_CHILDREN,
      position: [],
      node: null,
      detached: false,
    };
  }

  get definition(): ErasedDefinition {
    return this.store.definition;
  }

  /** How messages and logs name this store. */
  get label(): string {
    return this.parent === null ? this.store.module : `${this.store.module} ${JSON.stringify(this.storeId)}`;
  }

  /** The props for the store's code: each function is replaced by one that calls the parent's latest. */
  stableProps(): unknown {
    const { props } = this.state;
    // Names of props may be made of what clients send.
    for (const key of this.#wrappers.keys()) if (typeof props[key] !== "function") this.#wrappers.delete(key);
    if (!hasFunction(props)) return props;
    const stable: Record<string, unknown> = {};
    for (const key of Object.keys(props)) {
      stable[key] = typeof props[key] === "function" ? this.#wrapper(key) : props[key];
    }
    return stable;
  }

  #wrapper(key: string): (...args: unknown[]) => unknown {
    const known = this.#wrappers.get(key);
    if (known !== undefined) return known;
    const wrapper = (...args: unknown[]): unknown => {
      const latest = this.state.props[key];
      return typeof latest === "function" ? latest(...args) : undefined;
    };
    this.#wrappers.set(key, wrapper);
    return wrapper;
  }
}

/** Whether any member is a function. */
export function hasFunction(props: Readonly<Record<string, unknown>>): boolean {
  for (const key in props) if (typeof props[key] === "function") return true;
  return false;
}
