import type { AnyRegistry, StoreSnapshot } from "@musubi/client";
import { useCallback, useMemo } from "react";
import { useSyncExternalStoreWithSelector } from "use-sync-external-store/shim/with-selector";
import type { AnyStore } from "./any-store.js";
import { shallowEqual } from "./shallow-equal.js";

type AnySnapshot = StoreSnapshot<string, AnyRegistry>;

/** Picks what a component needs of a store. */
export type AnySelector = (snapshot: AnySnapshot, proxy: AnyStore) => unknown;

/**
 * Reads a store, and renders again only when what was selected has changed. A store that has left the tree keeps the
 * last selected value; its selector is not called again.
 */
export function useSnapshot(
  store: AnyStore | undefined,
  select: AnySelector = selectAll,
  isEqual: (a: unknown, b: unknown) => boolean = shallowEqual,
): unknown {
  const subscribe = useCallback(
    (listener: () => void) => (store === undefined ? () => {} : store.subscribe(listener)),
    [store],
  );
  const read = (): AnySnapshot | undefined => store?.snapshot();
  const selectLive = useLastSelected(store, select);
  return useSyncExternalStoreWithSelector(subscribe, read, read, selectLive, isEqual);
}

/** A selector that goes on giving its last value once the store is gone. */
function useLastSelected(
  store: AnyStore | undefined,
  select: AnySelector,
): (snapshot: AnySnapshot | undefined) => unknown {
  const last = useMemo<{ readonly store: AnyStore | undefined; value: unknown }>(
    () => ({ store, value: undefined }),
    [store],
  );
  return useCallback(
    (snapshot) => {
      if (snapshot !== undefined && last.store !== undefined) last.value = select(snapshot, last.store);
      return last.value;
    },
    [last, select],
  );
}

function selectAll(snapshot: AnySnapshot): unknown {
  return snapshot;
}
