import { type AnyStore, readStreamKeys, shallowEqual } from "@musubi/client/runtime";
import { useCallback } from "react";
import { type AnySelector, useSnapshot } from "./use-snapshot.js";

/** What `useMusubiStream` returns; the same object until something in it changes. */
export interface MusubiStream<Item> {
  readonly items: readonly Item[];
  /** The server's key of each item, in their order: an item that moves or changes keeps it. */
  readonly keys: readonly string[];
}

const EMPTY: MusubiStream<never> = { items: [], keys: [] };

/** The items of a stream with their keys. */
export function useStream(store: AnyStore | undefined, select: AnySelector): MusubiStream<unknown> {
  const selectWithKeys = useCallback<AnySelector>(
    (snapshot, proxy) => {
      const items = select(snapshot, proxy) as readonly unknown[] | null | undefined;
      return items == null ? EMPTY : { items, keys: readStreamKeys(proxy, items) };
    },
    [select],
  );
  return (useSnapshot(store, selectWithKeys, isSameStream) as MusubiStream<unknown> | undefined) ?? EMPTY;
}

function isSameStream(a: unknown, b: unknown): boolean {
  const [one, other] = [a, b] as readonly (MusubiStream<unknown> | undefined)[];
  return shallowEqual(one?.items, other?.items) && shallowEqual(one?.keys, other?.keys);
}
