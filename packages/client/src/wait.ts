import { targetOf } from "./proxy.js";

/** A store proxy, as far as waiting needs it. */
interface Waitable<Snapshot> {
  snapshot(): Snapshot | undefined;
  subscribe(listener: () => void): () => void;
}

/** How to stop waiting. */
export interface WaitOptions {
  /** Ends the wait: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Resolves with the first value of `selector` that is neither `undefined`, `null` nor `false`: at once, when the store
 * is like that already, else at the envelope that makes it so. The selector gets the snapshot and is not called while
 * there is none.
 *
 * Rejects with what the selector throws, with the signal's reason, and with `unmounted` when the root is closed.
 */
export function waitFor<Snapshot, T>(
  store: Waitable<Snapshot>,
  selector: (snapshot: Snapshot) => T,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  return until(store, options, () => {
    const snapshot = store.snapshot();
    if (snapshot === undefined) return undefined;
    const value = selector(snapshot);
    if (value == null || value === false) return undefined;
    return { value: value as Exclude<T, undefined | null | false> };
  });
}

/** Resolves with the store's next snapshot: the one after the next envelope that changes it. Ends as `waitFor`. */
export function nextSnapshot<Snapshot>(store: Waitable<Snapshot>, options: WaitOptions = {}): Promise<Snapshot> {
  const before = store.snapshot();
  return until(store, options, () => {
    const snapshot = store.snapshot();
    return snapshot === undefined || snapshot === before ? undefined : { value: snapshot };
  });
}

function until<T>(
  store: Waitable<unknown>,
  { signal }: WaitOptions,
  look: () => { readonly value: T } | undefined,
): Promise<T> {
  const { root } = targetOf(store);
  return new Promise<T>((resolve, reject) => {
    const undo: (() => void)[] = [];
    const end = (settle: () => void): void => {
      for (const stop of undo) stop();
      settle();
    };
    const check = (): void => {
      try {
        const found = look();
        if (found !== undefined) end(() => resolve(found.value));
        else if (root.isClosed) throw root.closedError();
      } catch (error) {
        end(() => reject(error));
      }
    };
    const abort = (): void => end(() => reject(signal?.reason));
    if (signal?.aborted === true) return abort();
    signal?.addEventListener("abort", abort);
    undo.push(store.subscribe(check), root.state.subscribe(check), () => signal?.removeEventListener("abort", abort));
    check();
  });
}
