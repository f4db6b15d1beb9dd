import type { AnyRegistry, StoreSnapshot } from "@musubi/client";
import { type AnyStore, shallowEqual } from "@musubi/client/runtime";
import { useCallback, useMemo } from "react";
import { useSyncExternalStoreWithSelector } from "use-sync-external-store/shim/with-selector";

type AnySnapshot = StoreSnapshot<string, AnyRegistry>;

/** Picks what a component needs of a store. */
export type AnySelector = (snapshot: AnySnapshot, proxy: AnyStore) => unknown;

/** Whether two selected values are the same. */
export type AnyEquality = (a: unknown, b: unknown) => boolean;

/** In place of a selected value, while there has been no snapshot to select from. */
export const NOTHING: unique symbol = Symbol("nothing");

/** Reads a store, `undefined` before it has had state. */
export function useSnapshot(store: AnyStore | undefined, select?: AnySelector, isEqual?: AnyEquality): unknown {
  const selected = useSelected(store, select, isEqual);
  return selected === NOTHING ? undefined : selected;
}

/**
 * Reads a store, and renders again only when what was selected has changed. A store that has left the tree keeps the
 * last selected value; its selector is not called again.
 */
export function useSelected(
  store: AnyStore | undefined,
  select: AnySelector = selectAll,
  isEqual: AnyEquality = shallowEqual,
): unknown {
  const subscribe = useCallback((listener: () => void) => store?.subscribe(listener) ?? (() => {}), [store]);
  const read = (): AnySnapshot | undefined => store?.snapshot();
  const selectLive = useLastSelected(store, select);
  return useSyncExternalStoreWithSelector(
    subscribe,
    read,
    read,
    selectLive,
    (a, b) => a === b || (a !== NOTHING && b !== NOTHING && isEqual(a, b)),
  );
}

/** A selector that goes on giving its last value once the store is gone. */
function useLastSelected(
  store: AnyStore | undefined,
  select: AnySelector,
): (snapshot: AnySnapshot | undefined) => unknown {
  const last = useMemo<{ readonly store: AnyStore | undefined; value: unknown }>(
    () => ({ store, value: NOTHING }),
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
