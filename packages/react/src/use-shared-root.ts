import { type AnyStore, IDLE, LOADING, type RootResult, type RootWish } from "@musubi/client/runtime";
import { useCallback } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";
import type { Binding } from "./binding.js";

/** Holds a root from the commit on, and reads how it stands. */
export function useSharedRoot({ mounts, canOpen }: Binding, wish: RootWish, enabled: boolean): RootResult<AnyStore> {
  const isWanted = enabled && canOpen;
  const subscribe = useCallback(
    (listener: () => void) => (isWanted ? mounts.retain(wish, listener) : () => {}),
    [mounts, isWanted, wish],
  );
  const read = (): RootResult<AnyStore> => (enabled ? mounts.read(wish) : IDLE);
  const readServer = (): RootResult<AnyStore> => (enabled ? (wish.dehydrated?.result ?? LOADING) : IDLE);
  return useSyncExternalStore(subscribe, read, readServer);
}
