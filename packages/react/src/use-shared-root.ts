import { type AnyStore, IDLE, LOADING, type RootResult, type RootWish } from "@musubi/client/runtime";
import { useCallback } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";
import type { Binding } from "./binding.js";

/**
 * Holds a root from the commit on, and reads how it stands: at first what the server rendered, except for those who
 * can mount it while they render.
 */
export function useSharedRoot(
  { mounts, canOpen }: Binding,
  wish: RootWish,
  { enabled = true, isSuspending = false }: { readonly enabled?: boolean; readonly isSuspending?: boolean },
): RootResult<AnyStore> {
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
  return useSyncExternalStore(subscribe, read, readServer);
}
