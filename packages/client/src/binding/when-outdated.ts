import { targetOf } from "../proxy.js";
import type { DehydratedRoot } from "./dehydrate.js";
import type { AnyStore } from "./any-store.js";

/** The snapshots of mounted roots as they began, with what the server rendered. */
const beginnings = new WeakMap<DehydratedRoot, unknown>();

/**
 * Calls `listener` once a mounted root shows other state than the server rendered, maybe at once; returns the undo.
 * `store` is what was mounted, if it can be read.
 */
export function whenOutdated(
  dehydrated: DehydratedRoot,
  store: AnyStore | undefined,
  listener: () => void,
): () => void {
  if (store !== undefined && targetOf(store).root.version === 0) beginnings.set(dehydrated, store.snapshot());
  const check = (): void => {
    if (store === undefined || store.snapshot() !== beginnings.get(dehydrated)) listener();
  };
  check();
  return store?.subscribe(check) ?? (() => {});
}
