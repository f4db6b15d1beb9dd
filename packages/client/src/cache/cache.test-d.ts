import type { AsyncField, StoreDef } from "@musubi/protocol";
import {
  type CacheOptions,
  type CachePersister,
  type CacheRecord,
  type CacheStorage,
  createMemoryPersister,
  createStorageCachePersister,
  dehydrateStore,
  type MusubiConnection,
  storeCacheKey,
} from "../index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const expectType = <_Truth extends true>(): void => {};

interface Registry {
  "App.Cart": StoreDef<{ note: string; total: AsyncField<number> }, {}, {}, { cartId: string }>;
}

declare const connection: MusubiConnection<Registry>;
declare const webStorage: {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  [name: string]: unknown;
};
declare const asyncStorage: {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<void>;
  removeItem(key: string): Promise<void>;
  getAllKeys(): Promise<readonly string[]>;
};

export async function mounting(): Promise<void> {
  const cache: CacheOptions = {
    gcTime: Number.POSITIVE_INFINITY,
    buster: "v1",
    persister: createMemoryPersister({ maxEntries: 5 }),
  };
  const mounted = await connection.mountStore({ module: "App.Cart", id: "1", params: { cartId: "c" }, cache });
  expectType<Equal<typeof mounted.revalidated, Promise<void>>>();
  expectType<Equal<typeof mounted.state.current.fromCache, boolean>>();
  const initialData = dehydrateStore(mounted.store, { buster: "v1" });
  expectType<Equal<typeof initialData, CacheRecord | undefined>>();
  await connection.mountStore({ module: "App.Cart", id: "1", cache: { initialData } });
  await connection.mountStore({ module: "App.Cart", id: "1", cache: {} });
  // @ts-expect-error: milliseconds are a number
  await connection.mountStore({ module: "App.Cart", id: "1", cache: { gcTime: "1 h" } });
  // @ts-expect-error: a record is made by dehydrateStore, not of fields
  await connection.mountStore({ module: "App.Cart", id: "1", cache: { initialData: { note: "x" } } });
}

export async function clearing(): Promise<void> {
  await connection.clearStoreCache();
  await connection.clearStoreCache({ module: "App.Cart" });
  await connection.clearStoreCache({ module: "App.Cart", id: "1" });
  await connection.clearStoreCache({ module: "App.Cart", id: "1", params: { cartId: "c" } });
  // @ts-expect-error: an id without its module names nothing
  await connection.clearStoreCache({ id: "1" });
  // @ts-expect-error: params without an id name nothing
  await connection.clearStoreCache({ module: "App.Cart", params: {} });
}

export function persisters(): CachePersister[] {
  expectType<Equal<ReturnType<typeof storeCacheKey>, string>>();
  const own: CachePersister = {
    get: async (_key: string) => undefined,
    set: async (_key: string, _record: CacheRecord) => {},
    delete: async (_key: string) => {},
    keys: async () => ["a"],
  };
  const storage: CacheStorage = asyncStorage;
  // @ts-expect-error: something has to keep the records
  createStorageCachePersister({});
  return [
    own,
    createStorageCachePersister({ storage }),
    createStorageCachePersister({ storage: webStorage, prefix: "app:", maxAge: 1 }),
    createStorageCachePersister({ storage: undefined }),
  ];
}
