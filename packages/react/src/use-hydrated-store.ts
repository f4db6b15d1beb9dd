import { startTransition, useEffect, useReducer } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";

/** What was rendered on a server. */
export interface Rendered<T> {
  readonly value: T;
  /** Calls `leave` once newer state is there, maybe at once; returns the undo. */
  readonly whenOutdated: (leave: () => void) => () => void;
}

/**
 * `useSyncExternalStore` that leaves what was rendered on the server in a transition, or at once when there is newer
 * state.
 *
 * A boundary whose code has not come yet can only be hydrated with what it was rendered with. React waits for that
 * before it commits a transition; any other update around the boundary has it throw the server's markup away and show
 * the fallback.
 */
export function useHydratedStore<T>(
  subscribe: (listener: () => void) => () => void,
  read: () => T,
  readServer: () => T,
  rendered: Rendered<T> | undefined,
): T {
  const [hasLeft, leave] = useReducer(() => true, false);
  let shown: T | undefined;
  const isHydrating = (): boolean => rendered !== undefined && !hasLeft && shown === rendered.value;
  const readLive = (): T => (isHydrating() ? (shown as T) : read());
  shown = useSyncExternalStore(subscribe, readLive, readServer);
  const leaving = isHydrating() ? rendered?.whenOutdated : undefined;
  useEffect(() => {
    if (leaving === undefined) return;
    startTransition(leave);
    return leaving(leave);
  }, [leaving]);
  return shown;
}
