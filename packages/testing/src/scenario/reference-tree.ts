import {
  applyPatch,
  deepEqual,
  type Envelope,
  foldStreamOps,
  isObject,
  isStoreNode,
  type JsonValue,
  type PatchOp,
  parsePointer,
  type StoreId,
  type StoreNode,
  type StreamEntry,
  storeIdKey,
} from "@musubi/protocol";

/** Keys of stores whose listeners an envelope concerns. */
export interface Touched {
  /** Something in them is other than it was: their listeners fire. */
  readonly must: ReadonlySet<string>;
  /** An op led through them, though nothing may have changed: their listeners may fire. */
  readonly may: ReadonlySet<string>;
  /** How many envelopes they come from: more than one when some were held back for the root. */
  readonly envelopes: number;
}

/** The streams of one store, by name. */
export type StreamsOfStore = ReadonlyMap<string, readonly StreamEntry[]>;

/** A store of the tree, with the keys of those around it. */
interface Place {
  readonly node: StoreNode;
  readonly around: readonly string[];
}

/**
 * What a root holds according to protocol.md sections 3 to 5, applied the plain way: the whole tree is walked for each
 * envelope. Slow, and so simple that it can judge the client's own.
 */
export class ReferenceTree {
  /** The wire tree; `undefined` before the first state. */
  readonly root: JsonValue | undefined;
  readonly streams: ReadonlyMap<string, StreamsOfStore>;
  readonly #places: ReadonlyMap<string, Place>;

  constructor(root?: JsonValue, streams: ReadonlyMap<string, StreamsOfStore> = new Map()) {
    this.root = root;
    this.#places = root === undefined ? new Map() : placesOf(root);
    this.streams = new Map([...streams].filter(([key]) => this.#places.has(key)));
  }

  /** The stores that are in the tree, by key. */
  get stores(): ReadonlyMap<string, StoreId> {
    return new Map(Array.from(this.#places, ([key, { node }]) => [key, node.__musubi_store_id__]));
  }

  /** The tree after an envelope, and whom it concerns. Throws when an op does not apply. */
  apply(envelope: Envelope): { readonly tree: ReferenceTree; readonly touched: Touched } {
    const isInitial = envelope.base_version === 0;
    const may = new Set<string>();
    let root: JsonValue = this.root ?? null;
    for (const op of envelope.ops) {
      const next = applyPatch(root, [op]);
      if (!isInitial) for (const key of ledThrough(root, op)) may.add(key);
      root = next;
    }
    const places = placesOf(root);
    const streams = new Map(isInitial ? [] : this.streams);
    for (const op of envelope.stream_ops) {
      const key = storeIdKey(op.store_id);
      const place = places.get(key);
      if (place === undefined) continue;
      const ofStore = new Map(streams.get(key));
      ofStore.set(op.stream, foldStreamOps(ofStore.get(op.stream) ?? [], [op]));
      streams.set(key, ofStore);
      if (!isInitial) for (const around of [key, ...place.around]) may.add(around);
    }
    for (const op of envelope.upload_ops ?? []) {
      const key = storeIdKey(op.store_id);
      for (const around of [key, ...(places.get(key)?.around ?? [])]) may.add(around);
    }
    const tree = new ReferenceTree(root, streams);
    const must = this.#differing(tree);
    for (const key of must) may.add(key);
    return { tree, touched: { must, may, envelopes: 1 } };
  }

  #differing(next: ReferenceTree): ReadonlySet<string> {
    const keys = new Set([...this.#places.keys(), ...next.#places.keys()]);
    return new Set([...keys].filter((key) => !deepEqual(this.#view(key), next.#view(key))));
  }

  /** All there is to see of a store: what it renders, and the streams of it and of the stores inside. */
  #view(key: string): JsonValue {
    const place = this.#places.get(key);
    if (place === undefined) return null;
    const streams = Array.from(placesOf(place.node).keys(), (inner) => [
      inner,
      ...Array.from(this.streams.get(inner) ?? [])
        .filter(([, entries]) => entries.length > 0)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, entries]) => [name, entries.map((entry) => [entry.key, entry.item])]),
    ]);
    return [place.node, streams] as JsonValue;
  }
}

function placesOf(value: JsonValue, around: readonly string[] = [], places: Map<string, Place> = new Map()) {
  let outer = around;
  if (isStoreNode(value)) {
    const key = storeIdKey(value.__musubi_store_id__);
    places.set(key, { node: value, around });
    outer = [...around, key];
  }
  if (Array.isArray(value)) for (const item of value) placesOf(item as JsonValue, outer, places);
  else if (isObject(value)) for (const item of Object.values(value)) placesOf(item, outer, places);
  return places;
}

/** The stores on the way to where an op goes, and those in what it takes away and brings. */
function ledThrough(root: JsonValue, op: PatchOp): string[] {
  const keys: string[] = [];
  let value: JsonValue | undefined = root;
  for (const token of parsePointer(op.path)) {
    if (isStoreNode(value)) keys.push(storeIdKey(value.__musubi_store_id__));
    value = isObject(value) || Array.isArray(value) ? (value as Record<string, JsonValue>)[token] : undefined;
  }
  if (value !== undefined && op.op !== "add") keys.push(...placesOf(value).keys());
  if (op.op !== "remove") keys.push(...placesOf(op.value).keys());
  return keys;
}
