import type { StoreProxy } from "@musubi/client";
import type { AnyStore, RootResult, RootWish } from "@musubi/client/runtime";
import { useEffect, useMemo, useRef } from "react";
import type { Binding } from "./binding.js";
import { useSharedRoot } from "./use-shared-root.js";
import { useWish, type WishOptions } from "./use-wish.js";

/** Which root a component wants, and how. */
export interface MusubiRootOptions<M, R> extends WishOptions<M, R> {
  /** `false` mounts nothing, and gives a mounted root back; default `true`. */
  readonly enabled?: boolean;
  /**
   * Keeps the former root on screen while one with another id or other params is mounted, also when that fails;
   * default `false`. The former one is not live any more.
   */
  readonly keepPreviousData?: boolean;
}

/** What `useMusubiRoot` returns. */
export type MusubiRoot<M, R> = RootResult<StoreProxy<M, R>>;

/** What a component last showed. */
interface Shown {
  readonly mounts: unknown;
  readonly wish: RootWish;
  readonly store: AnyStore;
}

/** Mounts a root while the component is on screen, shared with all others that want the same. */
export function useRoot(binding: Binding, options: MusubiRootOptions<string, unknown>): RootResult<AnyStore> {
  const { enabled = true, keepPreviousData = false } = options;
  const { mounts } = binding;
  const wish = useWish(binding, options);
  const current = useSharedRoot(binding, wish, selectAll, { enabled });

  const lastShown = useRef<Shown | undefined>(undefined);
  useEffect(() => {
    if (current.status === "ready") lastShown.current = { mounts, wish, store: current.store };
  }, [current, mounts, wish]);

  return useMemo(() => {
    const shown = lastShown.current;
    if (shown?.mounts !== mounts || shown.wish.module !== wish.module) return current;
    const isSame = shown.wish.id === wish.id && shown.wish.paramsKey === wish.paramsKey;
    return isSame ? keepSame(current, shown.store) : keepPreviousData ? keepPrevious(current, shown.store) : current;
  }, [current, mounts, wish, keepPreviousData]);
}

/** All of it: each part is there to be shown, and a component that reads the store only can be one below. */
function selectAll(result: RootResult<AnyStore>): RootResult<AnyStore> {
  return result;
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
