import type { RootHost } from "../root/root-host.js";
import type { CacheEngine } from "./attach-cache.js";
import { StoreCache } from "./store-cache.js";

/** The caches of the connections of this page. */
const caches = new WeakMap<RootHost, StoreCache>();

function cacheOf(host: RootHost): StoreCache {
  let cache = caches.get(host);
  if (cache === undefined) {
    cache = new StoreCache(host);
    caches.set(host, cache);
  }
  return cache;
}

export const cacheEngine: CacheEngine = {
  attach: (root) => cacheOf(root.host).attach(root),
  clear: (host, target) => cacheOf(host).clear(target),
};
