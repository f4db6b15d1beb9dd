import type { JsonValue, StoreId, StoreNode } from "@musubi/protocol";

/** The items of one stream of a {@link CacheRecord}, in order, with their keys. */
export interface CachedStream {
  readonly store_id: StoreId;
  readonly stream: string;
  readonly keys: readonly string[];
  readonly items: readonly JsonValue[];
}

/**
 * The state of a root at one moment, as plain JSON: its wire tree and its streams (protocol.md sections 4 and 5).
 * Uploads are left out. Opaque to apps: to be kept and handed back as it is.
 */
export interface CacheRecord {
  /** The shape of the rest; a record of another one is not used. */
  readonly format: 1;
  readonly buster: string;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
  readonly tree: StoreNode;
  readonly streams: readonly CachedStream[];
}

/**
 * Where records are kept, by key. Any of the methods may answer at once or with a promise, fail, or never answer: the
 * worst that comes of it is a mount without a cached state. Calls take effect in the order in which they are made.
 */
export interface CachePersister {
  /** The record of a key, `undefined` or `null` when there is none. It is checked before use. */
  get(key: string): unknown;
  /** Keeps a record, which must not be changed; it survives `JSON.stringify` and `structuredClone`. */
  set(key: string, record: CacheRecord): unknown;
  delete(key: string): unknown;
  /** All keys that are kept, for `clearStoreCache`. */
  keys(): Iterable<string> | PromiseLike<Iterable<string>>;
}

/** How a root is shown from its last known state until the server's own is there (client.md rule 17). */
export interface CacheOptions {
  /** Milliseconds that a record stays good, `Infinity` for ever; default 300 000 (5 minutes). */
  readonly gcTime?: number;
  /** Where records are kept; default this connection's memory, which ends with it. */
  readonly persister?: CachePersister;
  /** Records made under another one are not used: the app's version, or the user they belong to. Default `""`. */
  readonly buster?: string;
  /**
   * A record of this very root, from `dehydrateStore` on a server: shown at once, without a look at `gcTime`, unless
   * the persister has a newer one.
   */
  readonly initialData?: CacheRecord | undefined;
}

/** What `clearStoreCache` clears: all of a connection, a module, the roots of a pair, or one of these by params. */
export type CacheTarget =
  | { readonly module?: undefined; readonly id?: undefined; readonly params?: undefined }
  | { readonly module: string; readonly id?: undefined; readonly params?: undefined }
  | { readonly module: string; readonly id: string; readonly params?: object };
