import {
  copyNode,
  isStreamMarker,
  isUploadMarker,
  isWireAsync,
  type JsonValue,
  STORE_ID_KEY,
  STREAM_KEY,
  type StoreNode,
  UPLOAD_KEY,
  type WireAsync,
} from "@musubi/protocol";
import type { StoreRecord } from "./store-record.js";
import type { StoreTree } from "./store-tree.js";
import { readItems } from "./stream-keys.js";
import { isStoreLike } from "./walk-stores.js";

/** An async value as an app sees it (protocol.md section 4). */
export interface AsyncResult<Value = unknown, Reason = unknown> {
  readonly status: "loading" | "ok" | "failed";
  /** The value, or the last one while it loads anew; `null` before there was one. */
  readonly data: Value | null;
  /** Why it failed; `null` otherwise. */
  readonly error: Reason | null;
}

/** Lists of more members are compared with the one before: looking each member up costs the more the longer they are. */
const LONG_LIST = 32;
const NONE: readonly never[] = [];
const NO_LIST = [NONE, NONE] as const;

/**
 * Turns wire values into what an app reads: streams into arrays, async values into `{ status, data, error }`, upload
 * slots into their handles, and stores into whatever `readStore` makes of them. What holds none of these is returned as it is.
 *
 * Results are remembered by the identity of the wire value. That is sound because every change, of a stream too,
 * gives all containers above it a new identity.
 */
export class Hydrator {
  readonly #memo = new WeakMap<object, unknown>();
  /** The long list that was last read in each store: what of the next one is the same needs no look at the memo. */
  readonly #lists = new WeakMap<StoreRecord, readonly [values: readonly JsonValue[], read: readonly unknown[]]>();
  readonly #tree: StoreTree;
  readonly #readStore: (node: StoreNode, record: StoreRecord) => unknown;

  constructor(tree: StoreTree, readStore: (node: StoreNode, record: StoreRecord) => unknown) {
    this.#tree = tree;
    this.#readStore = readStore;
  }

  /** What an app reads for `value`, which lies in the store of `owner`, not in one below it. */
  read(value: JsonValue, owner: StoreRecord): unknown {
    if (typeof value !== "object" || value === null) return value;
    const known = this.#memo.get(value);
    if (known !== undefined) return known;
    const result = this.#hydrate(value, owner);
    this.#memo.set(value, result);
    return result;
  }

  /** A store's own members, read; the very same node when there is nothing to turn. */
  readMembers(node: StoreNode, owner: StoreRecord): object {
    return this.#members(node, owner);
  }

  #hydrate(value: object, owner: StoreRecord): unknown {
    if (Array.isArray(value)) return this.#items(value, owner);
    if (isStoreLike(value)) return this.#readStore(value, this.#tree.recordOf(value, owner));
    if (isStreamMarker(value)) return readItems(owner.streams?.get(value[STREAM_KEY]));
    if (isUploadMarker(value)) return this.#tree.upload(owner, value[UPLOAD_KEY]);
    if (isWireAsync(value)) return this.#async(value, owner);
    return this.#members(value as Record<string, JsonValue>, owner);
  }

  #items(values: readonly JsonValue[], owner: StoreRecord): readonly unknown[] {
    const isLong = values.length > LONG_LIST;
    const [before, known] = (isLong && this.#lists.get(owner)) || NO_LIST;
    let result = known === before ? undefined : known.slice(0, values.length);
    for (let index = 0; index < values.length; index++) {
      const value = values[index] as JsonValue;
      if (value === before[index]) continue;
      const read = this.read(value, owner);
      if (result === undefined && read !== value) result = values.slice();
      if (result !== undefined) result[index] = read;
    }
    if (isLong) this.#lists.set(owner, [values, result ?? values]);
    return result ?? values;
  }

  #members(value: Readonly<Record<string, JsonValue>>, owner: StoreRecord): object {
    let result: Record<string, unknown> | undefined;
    for (const key in value) {
      if (key === STORE_ID_KEY) continue;
      const member = value[key] as JsonValue;
      const read = this.read(member, owner);
      if (read === member) continue;
      result ??= copyNode(value) as Record<string, unknown>;
      result[key] = read;
    }
    return result ?? value;
  }

  #async(value: WireAsync, owner: StoreRecord): AsyncResult {
    return { status: value.status, data: this.read(value.result, owner), error: value.reason };
  }
}
