import type { MountOptions } from "@musubi/client";
import { canonicalJson } from "@musubi/client/runtime";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";
import type { AnyStore } from "./any-store.js";
import type { ConnectionHandle } from "./connection-handle.js";
import { IDLE, LOADING, type RootResult } from "./root-result.js";

/** Which root a component wants, and how. */
export interface MusubiRootOptions<M, R> extends MountOptions<M, R> {
  /** `false` mounts nothing, and gives a mounted root back; default `true`. */
  readonly enabled?: boolean;
  /**
   * Keeps the former root on screen while one with another id or other params is mounted, also when that fails;
   * default `false`. The former one is not live any more.
   */
  readonly keepPreviousData?: boolean;
}

/** What a component last showed. */
interface Shown {
  readonly handle: ConnectionHandle;
  readonly module: string;
  readonly id: string;
  readonly paramsKey: string;
  readonly store: AnyStore;
}

/** Mounts a root while the component is on screen, shared with all others that want the same. */
export function useRoot(handle: ConnectionHandle, options: MusubiRootOptions<string, unknown>): RootResult<AnyStore> {
  const { module, id, params, enabled = true, keepPreviousData = false } = options;
  const { mounts } = handle;
  const paramsKey = canonicalJson(params ?? {});
  const isWanted = enabled && handle.canOpen;
  const nothing = enabled ? LOADING : IDLE;

  const subscribe = useCallback(
    (listener: () => void) => (isWanted ? mounts.retain(module, id, paramsKey, listener) : () => {}),
    [mounts, isWanted, module, id, paramsKey],
  );
  const read = (): RootResult<AnyStore> => (isWanted ? mounts.read(module, id, paramsKey) : nothing);
  const current = useSyncExternalStore(subscribe, read, () => nothing);

  const lastShown = useRef<Shown | undefined>(undefined);
  useEffect(() => {
    if (current.status !== "ready") return;
    lastShown.current = { handle, module, id, paramsKey, store: current.store };
  }, [current, handle, module, id, paramsKey]);

  return useMemo(() => {
    const shown = lastShown.current;
    if (shown?.handle !== handle || shown.module !== module) return current;
    if (shown.id === id && shown.paramsKey === paramsKey) return keepSame(current, shown.store);
    return keepPreviousData ? keepPrevious(current, shown.store) : current;
  }, [current, handle, module, id, paramsKey, keepPreviousData]);
}

/** A root that this component has shown before, as after it was hidden, stays on screen whatever becomes of it. */
function keepSame(current: RootResult<AnyStore>, store: AnyStore): RootResult<AnyStore> {
  if (current.status === "loading") return fromBefore(store, true);
  if (current.status === "error") return { ...fromBefore(store, false), revalidationError: current.error };
  return current;
}

/** Another root stays on screen until the one that is wanted is there. */
function keepPrevious(current: RootResult<AnyStore>, store: AnyStore): RootResult<AnyStore> {
  if (current.status === "loading") return fromBefore(store, true);
  if (current.status === "error") return { ...current, previous: store };
  return current;
}

function fromBefore(store: AnyStore, isFetching: boolean): RootResult<AnyStore> & { readonly status: "ready" } {
  return { status: "ready", store, isFetching, isStale: true, revalidationError: undefined };
}
