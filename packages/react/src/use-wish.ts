import type { MountOptions } from "@musubi/client";
import { canonicalJson, type RootWish } from "@musubi/client/runtime";
import { useMemo } from "react";
import type { Binding } from "./binding.js";
import { useLatest } from "./use-latest.js";

/** Which root a component wants. */
export interface WishOptions<M, R> extends MountOptions<M, R> {
  /** `false` keeps the root mounted after the component has gone, until the connection is closed; default `true`. */
  readonly unmountOnCleanup?: boolean;
}

/** The root that options ask for; the same object for equal ones. */
export function useWish({ dehydrated }: Binding, options: WishOptions<string, unknown>): RootWish {
  const { module, id, params, cache, unmountOnCleanup = true } = options;
  const paramsKey = canonicalJson(params ?? {});
  const latestCache = useLatest(cache);
  return useMemo(
    () => ({
      module,
      id,
      paramsKey,
      dehydrated: dehydrated?.find(module, id, paramsKey),
      isKept: !unmountOnCleanup,
      get cache() {
        return latestCache.current;
      },
    }),
    [dehydrated, module, id, paramsKey, unmountOnCleanup, latestCache],
  );
}
