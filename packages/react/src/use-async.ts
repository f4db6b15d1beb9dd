import type { AsyncResult } from "@musubi/client";
import { type AnyStore, type AsyncRead, pendingRead, readAsync } from "@musubi/client/runtime";
import { useEffect, useMemo, useRef } from "react";
import { suspendOn } from "./suspend-on.js";
import { type AnySelector, NOTHING, useSelected } from "./use-snapshot.js";

/** Reads an async value. Suspends until its first data, and never again; throws when it has failed. */
export function useAsync(store: AnyStore, select: AnySelector): AsyncRead {
  const selected = useSelected(store, select);
  const result = selected === NOTHING ? undefined : resultOf(selected);
  const lastShown = useRef<{ readonly store: AnyStore; readonly value: AsyncRead } | undefined>(undefined);
  const value = readAsync(result, lastShown.current?.store === store ? lastShown.current.value : undefined);
  const isNews = (): boolean => {
    const snapshot = store.snapshot();
    return snapshot !== undefined && resultOf(select(snapshot, store)) !== result;
  };
  if (value === undefined) suspendOn(pendingRead(store, result ?? store, isNews));
  const { data, isRefreshing } = value;
  const shown = useMemo(() => ({ data, isRefreshing }), [data, isRefreshing]);
  useEffect(() => {
    lastShown.current = { store, value: shown };
  }, [store, shown]);
  return shown;
}

function resultOf(selected: unknown): AsyncResult | undefined {
  return (selected ?? undefined) as AsyncResult | undefined;
}
