import { targetOf } from "../proxy.js";
import type { CacheRecord } from "./cache-options.js";
import { makeCacheRecord } from "./cache-record.js";

/**
 * The record of a root's state, to be handed over as JSON to another page's mount of the same root as its `cache`'s
 * `initialData`. Takes the proxy of any store of the root. `buster` is that of the other mount; default that of the
 * root's own `cache`. `undefined` before the server's own state is there, as long as the root shows a cached one.
 */
export function dehydrateStore(store: object, options: { readonly buster?: string } = {}): CacheRecord | undefined {
  return makeCacheRecord(targetOf(store).root, options.buster);
}
