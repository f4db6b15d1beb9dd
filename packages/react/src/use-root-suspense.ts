import { type AnyStore, type RootResult, suspendRoot } from "@musubi/client/runtime";
import { useEffect, useRef } from "react";
import type { Binding } from "./binding.js";
import { suspendOn } from "./suspend-on.js";
import { useSharedRoot } from "./use-shared-root.js";
import { useWish, type WishOptions } from "./use-wish.js";

/**
 * The store of a root. Suspends until its first state, and never again for the same module and id: later the last
 * state stays. Throws what a mount failed with.
 */
export function useRootSuspense(binding: Binding, options: WishOptions<string, unknown>): AnyStore {
  const { mounts } = binding;
  const { module, id } = options;
  const wish = useWish(binding, options);
  const seen = useSharedRoot(binding, wish, selectStore, { isSuspending: true });
  const store = typeof seen === "string" ? undefined : seen;

  const lastShown = useRef<Shown | undefined>(undefined);
  const last = lastShown.current;
  const former = last?.mounts === mounts && last.module === module && last.id === id ? last.store : undefined;
  const isHydrating = store !== undefined && store === wish.dehydrated?.result.store;
  const shown =
    isHydrating || (former !== undefined && seen !== "error") ? (store ?? former) : suspendRoot(binding, wish);
  if (shown instanceof Promise) suspendOn(shown);
  useEffect(() => {
    lastShown.current = { mounts, module, id, store: shown as AnyStore };
  }, [mounts, module, id, shown]);
  return shown as AnyStore;
}

/** What the hook returns: whether the state is stale or being fetched does not show in it, and renders nothing. */
function selectStore({ status, store }: RootResult<AnyStore>): AnyStore | RootResult<AnyStore>["status"] {
  return store ?? status;
}

/** What a component last showed. */
interface Shown {
  readonly mounts: unknown;
  readonly module: string;
  readonly id: string;
  readonly store: AnyStore;
}
