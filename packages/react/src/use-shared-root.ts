import { type AnyStore, IDLE, LOADING, type RootResult, type RootWish, whenOutdated } from "@musubi/client/runtime";
import { useCallback } from "react";
import type { Binding } from "./binding.js";
import { useHydratedStore } from "./use-hydrated-store.js";

/**
 * Holds a root from the commit on, and reads what `select` takes of how it stands: at first what the server rendered,
 * except for those who can mount it while they render.
 */
export function useSharedRoot<T>(
  { mounts, canOpen }: Binding,
  wish: RootWish,
  select: (result: RootResult<AnyStore>) => T,
  { enabled = true, isSuspending = false }: { readonly enabled?: boolean; readonly isSuspending?: boolean },
): T {
  const isWanted = enabled && canOpen;
  const subscribe = useCallback(
    (listener: () => void) => (isWanted ? mounts.retain(wish, listener) : () => {}),
    [mounts, isWanted, wish],
  );
  const { dehydrated } = wish;
  const read = (): RootResult<AnyStore> => {
    if (!enabled) return IDLE;
    const result = mounts.read(wish);
    return result === LOADING && dehydrated?.isUsed === false && !isSuspending ? dehydrated.result : result;
  };
  const readServer = (): RootResult<AnyStore> => (enabled ? (dehydrated?.result ?? LOADING) : IDLE);
  const watch = useCallback(
    (leave: () => void) => (dehydrated ? whenOutdated(dehydrated, mounts.read(wish).store, leave) : () => {}),
    [dehydrated, mounts, wish],
  );
  return useHydratedStore(
    subscribe,
    () => select(read()),
    () => select(readServer()),
    isWanted && dehydrated ? { value: select(dehydrated.result), whenOutdated: watch } : undefined,
  );
}
