import { type JsonObject, type JsonValue, STORE_ID_KEY, STREAM_KEY, type StreamOp, storeIdKey } from "@musubi/protocol";
import type { SeededRandom } from "@musubi/testing";

/** A store node that the model may write to. */
export interface ModelStore {
  [key: string]: unknown;
  title: string;
  n: number;
  tags: unknown[];
  items?: ModelStore[];
  box?: { inner: ModelStore | null; plain: number };
}

/** Entries of one stream, in order. */
export type ModelStream = readonly (readonly [key: string, item: JsonValue])[];

/** All streams by `<store key> <stream name>`. */
export type ModelStreams = ReadonlyMap<string, ModelStream>;

/** The key of a store's stream. */
export function streamKey(storeKey: string, name: string): string {
  return `${storeKey} ${name}`;
}

const MAX_DEPTH = 3;
export const STREAMS: readonly string[] = ["log", "feed"];

/** Every store of a tree with its id, outermost first. */
export function storesOf(value: unknown, found: ModelStore[] = []): ModelStore[] {
  if (typeof value !== "object" || value === null) return found;
  if (!Array.isArray(value) && Object.hasOwn(value, STORE_ID_KEY)) found.push(value as ModelStore);
  for (const member of Object.values(value)) storesOf(member, found);
  return found;
}

/** The id of a store. */
export function idOf(store: object): string[] {
  return (store as Record<string, unknown>)[STORE_ID_KEY] as string[];
}

/**
 * The state of one root as the server owns it: a tree of stores, changed at random but always to something that
 * differs, and its streams, by rules written here once more rather than taken from the product.
 */
export class ModelDocument {
  tree: ModelStore;
  streams: ModelStreams = new Map();
  #nextId = 0;
  /** Stores that left, so that they can come back under their old id. */
  readonly #gone: ModelStore[] = [];

  constructor(name: string, random: SeededRandom) {
    this.tree = newStore([], name, 0);
    for (let index = random.integer(0, 4); index > 0; index--) this.change(random);
  }

  /** Changes state at random. Returns the stream ops of the cycle. */
  change(random: SeededRandom): readonly StreamOp[] {
    this.tree = copy(this.tree);
    const ops: StreamOp[] = [];
    for (let index = random.pick([1, 1, 1, 2, 4]); index > 0; index--) {
      if (random.chance(0.35)) this.#changeStream(random, ops);
      else this.#changeTree(random);
    }
    return this.#endCycle(ops);
  }

  /** The ops that make the streams as they are, from none. */
  streamOps(): StreamOp[] {
    const ids = new Map(storesOf(this.tree).map((store) => [storeIdKey(idOf(store)), idOf(store)]));
    return Array.from(this.streams).flatMap(([key, entries]) => {
      const at = key.lastIndexOf(" ");
      const store_id = ids.get(key.slice(0, at)) as string[];
      const place = { op: "insert", stream: key.slice(at + 1), store_id, at: -1, limit: null } as const;
      return entries.map(([item_key, item]) => ({ ...place, item_key, item }));
    });
  }

  #changeTree(random: SeededRandom): void {
    const stores = storesOf(this.tree);
    const store = random.pick(stores);
    switch (random.integer(0, 11)) {
      case 0:
      case 1:
        store.n++;
        return;
      case 2:
        store.title = `t~/${random.integer(0, 999)}`;
        return;
      case 3:
        if (Object.hasOwn(store, "note")) this.#omit(store, "note");
        else store["note"] = { text: random.integer(0, 9), deep: [1, { x: random.integer(0, 9) }] };
        return;
      case 4:
        if (store.tags.length > 3) store.tags.splice(random.integer(0, store.tags.length - 1), 1);
        else store.tags.splice(random.integer(0, store.tags.length), 0, { k: random.integer(0, 3) });
        return;
      case 5:
      case 6:
        this.#insert(store, random);
        return;
      case 7:
        this.#remove(store, random);
        return;
      case 8: {
        const { items } = store;
        if (items === undefined || items.length < 2) return;
        if (random.chance(0.3)) items.reverse();
        else items.splice(random.integer(0, items.length - 2), 0, ...items.splice(-1));
        return;
      }
      case 9:
        this.#changeBox(store, random);
        return;
      case 10: {
        const loads = random.chance(0.3);
        const status = loads ? "loading" : random.pick(["ok", "failed"]);
        store["lazy"] = {
          __musubi_async__: true,
          status,
          result: status === "ok" ? (random.chance(0.4) ? { [STREAM_KEY]: "feed" } : [random.integer(0, 9)]) : null,
          reason: status === "failed" ? "no" : null,
        };
        return;
      }
      case 11:
        this.#moveAcross(stores, random);
    }
  }

  #insert(parent: ModelStore, random: SeededRandom): void {
    const id = idOf(parent);
    if (id.length >= MAX_DEPTH || storesOf(this.tree).length > 14) return;
    parent.items ??= [];
    const back = this.#gone.findIndex((gone) => idOf(gone).length === id.length + 1);
    let child: ModelStore;
    if (back >= 0 && random.chance(0.5)) child = copy(this.#gone.splice(back, 1)[0] as ModelStore);
    else child = newStore([...id, `s${this.#nextId++}`], "new", random.integer(0, 5));
    const taken = new Set(storesOf(this.tree).map((store) => storeIdKey(idOf(store))));
    if (storesOf(child).some((store) => taken.has(storeIdKey(idOf(store))))) return;
    parent.items.splice(random.integer(0, parent.items.length), 0, child);
  }

  #remove(parent: ModelStore, random: SeededRandom): void {
    const { items } = parent;
    if (items === undefined || items.length === 0) return;
    this.#gone.push(...items.splice(random.integer(0, items.length - 1), 1));
  }

  #changeBox(store: ModelStore, random: SeededRandom): void {
    const id = idOf(store);
    if (id.length >= MAX_DEPTH) return;
    if (store.box === undefined) store.box = { inner: null, plain: 0 };
    else if (store.box.inner === null || random.chance(0.3))
      store.box.inner = newStore([...id, `b${random.chance(0.5) ? 0 : this.#nextId++}`], "boxed", 0);
    else if (random.chance(0.5)) store.box.plain++;
    else store.box.inner = null;
    const all = storesOf(this.tree).map((each) => storeIdKey(idOf(each)));
    if (new Set(all).size !== all.length) store.box.inner = null;
  }

  /** A child goes from one list to another: it keeps its id, its streams and all that is below it. */
  #moveAcross(stores: readonly ModelStore[], random: SeededRandom): void {
    const from = random.pick(stores);
    const to = random.pick(stores);
    if (from.items === undefined || from.items.length === 0 || to === from) return;
    const child = from.items[0] as ModelStore;
    if (storesOf(child).includes(to)) return;
    from.items.shift();
    to.items ??= [];
    to.items.push(child);
  }

  #changeStream(random: SeededRandom, ops: StreamOp[]): void {
    const store_id = idOf(random.pick(storesOf(this.tree)));
    const stream = random.pick(STREAMS);
    for (let index = random.pick([1, 1, 2, 5]); index > 0; index--) {
      const kind = random.next();
      const item_key = `k${random.integer(0, 7)}`;
      if (kind < 0.05) ops.push({ op: "reset", stream, ref: "r", store_id });
      else if (kind < 0.25) ops.push({ op: "delete", stream, ref: "r", store_id, item_key });
      else {
        const item = { key: item_key, v: random.integer(0, 3), in: [random.integer(0, 1)] };
        const at = random.pick([-1, -1, -1, 0, 0, -2, 1, 2, 9]);
        const limit = random.pick([null, null, null, 5, -3, 1, 0]);
        ops.push({ op: "insert", stream, ref: "r", store_id, item_key, at, item, limit });
      }
    }
  }

  /** Streams of stores that left go; those of the stores that are there get their ops, unless these change nothing. */
  #endCycle(ops: readonly StreamOp[]): readonly StreamOp[] {
    const present = new Set(storesOf(this.tree).map((store) => storeIdKey(idOf(store))));
    const streams = new Map<string, ModelStream>();
    for (const [key, entries] of this.streams) {
      if (present.has(key.slice(0, key.lastIndexOf(" ")))) streams.set(key, entries);
    }
    const changed = new Set<string>();
    const next = new Map<string, ModelStream>();
    for (const op of ops) {
      if (!present.has(storeIdKey(op.store_id))) continue;
      const key = streamKey(storeIdKey(op.store_id), op.stream);
      next.set(key, applyModelOp(next.get(key) ?? streams.get(key) ?? [], op));
    }
    for (const [key, entries] of next) {
      if (JSON.stringify(entries) === JSON.stringify(streams.get(key) ?? [])) continue;
      streams.set(key, entries);
      changed.add(key);
    }
    this.streams = streams;
    return ops.filter((op) => {
      const storeKey = storeIdKey(op.store_id);
      // Ops of a store that is not in the tree are sent all the same: they are to be ignored.
      return !present.has(storeKey) || changed.has(streamKey(storeKey, op.stream));
    });
  }

  #omit(store: ModelStore, key: string): void {
    Reflect.deleteProperty(store, key);
  }
}

function copy(store: ModelStore): ModelStore {
  return JSON.parse(JSON.stringify(store)) as ModelStore;
}

function newStore(id: string[], title: string, n: number): ModelStore {
  return { [STORE_ID_KEY]: id, title, n, tags: [], log: { [STREAM_KEY]: "log" } };
}

/** protocol.md section 5, in its own words. */
function applyModelOp(entries: ModelStream, op: StreamOp): ModelStream {
  if (op.op === "reset") return [];
  const others = entries.filter(([key]) => key !== op.item_key);
  if (op.op === "delete") return others;
  const at = op.at === -1 ? others.length : op.at <= 0 ? 0 : Math.min(op.at, others.length);
  others.splice(at, 0, [op.item_key, op.item]);
  if (op.limit === null) return others;
  const kept = Math.abs(op.limit);
  if (kept === 0) return [];
  return op.at === 0 ? others.slice(0, kept) : others.slice(-kept);
}

/**
 * What an app is to read for a tree: streams as arrays, async values turned, ids of stores kept, and `overlay` laid
 * over each store.
 */
export function hydrate(
  value: unknown,
  streams: ModelStreams,
  storeKey: string,
  overlay: (storeKey: string, state: unknown) => unknown = (_key, state) => state,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => hydrate(item, streams, storeKey, overlay));
  const object = value as JsonObject;
  if (typeof object[STREAM_KEY] === "string")
    return (streams.get(streamKey(storeKey, object[STREAM_KEY])) ?? []).map(([, item]) => item);
  if (object["__musubi_async__"] === true) {
    return {
      status: object["status"],
      data: hydrate(object["result"], streams, storeKey, overlay),
      error: object["reason"],
    };
  }
  const isStore = Object.hasOwn(object, STORE_ID_KEY);
  const key = isStore ? storeIdKey(object[STORE_ID_KEY] as string[]) : storeKey;
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(object).sort()) {
    result[name] = name === STORE_ID_KEY ? object[name] : hydrate(object[name], streams, key, overlay);
  }
  return isStore ? overlay(key, result) : result;
}
