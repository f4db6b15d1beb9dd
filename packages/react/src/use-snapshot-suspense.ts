import { type AnyStore, pendingRead } from "@musubi/client/runtime";
import { suspendOn } from "./suspend-on.js";
import { type AnyEquality, type AnySelector, NOTHING, useSelected } from "./use-snapshot.js";

/** Reads a store as `useSnapshot` does, and suspends until it has had state. */
export function useSnapshotSuspense(store: AnyStore, select?: AnySelector, isEqual?: AnyEquality): unknown {
  const selected = useSelected(store, select, isEqual);
  if (selected === NOTHING) suspendOn(pendingRead(store, store, () => true));
  return selected;
}
