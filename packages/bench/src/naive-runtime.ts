import {
  deepEqual,
  type Envelope,
  type JsonValue,
  STORE_ID_KEY,
  STREAM_KEY,
  type StoreId,
  type StreamOp,
  storeIdKey,
} from "@musubi/protocol";
import jsonpatch from "fast-json-patch";

type Entries = readonly (readonly [key: string, item: JsonValue])[];

/**
 * What a client would do that takes no care of cost: the whole tree is cloned, patched and indexed anew for each
 * envelope, and the listeners of those stores are told whose rendering, streams included, does not deep-equal the former.
 */
export class NaiveRuntime {
  readonly #listeners = new Map<string, (() => void)[]>();
  #tree: JsonValue = null;
  #streams = new Map<string, Entries>();
  #stores = new Map<string, JsonValue>();

  get tree(): JsonValue {
    return this.#tree;
  }

  subscribe(id: StoreId, listener: () => void): void {
    const key = storeIdKey(id);
    this.#listeners.set(key, [...(this.#listeners.get(key) ?? []), listener]);
  }

  /** The items of a stream, in order. */
  stream(id: StoreId, name: string): JsonValue[] {
    return (this.#streams.get(streamKey(id, name)) ?? []).map(([, item]) => item);
  }

  apply(envelope: Envelope): void {
    const operations = envelope.ops as jsonpatch.Operation[];
    this.#tree = jsonpatch.applyPatch(jsonpatch.deepClone(this.#tree), operations).newDocument as JsonValue;
    const streams = new Map(envelope.base_version === 0 ? [] : this.#streams);
    for (const op of envelope.stream_ops) {
      const key = streamKey(op.store_id, op.stream);
      streams.set(key, fold(streams.get(key) ?? [], op));
    }
    this.#streams = streams;
    const former = this.#stores;
    this.#stores = new Map();
    this.#render(this.#tree, []);
    for (const [key, listeners] of this.#listeners) {
      const [before, after] = [former.get(key), this.#stores.get(key)];
      const isSame = before === undefined || after === undefined ? before === after : deepEqual(before, after);
      if (!isSame) for (const listener of listeners) listener();
    }
  }

  /** The value with its streams in place; notes every store on the way. */
  #render(value: JsonValue, owner: StoreId): JsonValue {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#render(item, owner));
    const object = value as Readonly<Record<string, JsonValue>>;
    if (typeof object[STREAM_KEY] === "string") return this.stream(owner, object[STREAM_KEY]);
    const id = object[STORE_ID_KEY] as StoreId | undefined;
    const members = Object.entries(object).map(([name, member]) => [name, this.#render(member, id ?? owner)]);
    const rendered = Object.fromEntries(members) as JsonValue;
    if (id !== undefined) this.#stores.set(storeIdKey(id), rendered);
    return rendered;
  }
}

function streamKey(id: StoreId, name: string): string {
  return `${storeIdKey(id)} ${name}`;
}

/** The rules of protocol.md section 5 as far as this bench's ops need them. */
function fold(entries: Entries, op: StreamOp): Entries {
  if (op.op === "reset") return [];
  const rest = entries.filter(([key]) => key !== op.item_key);
  if (op.op === "delete") return rest;
  return rest.toSpliced(op.at === -1 ? rest.length : 0, 0, [op.item_key, op.item]);
}
