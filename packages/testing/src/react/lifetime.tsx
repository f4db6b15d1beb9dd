import { useEffect } from "react";

/**
 * Renders nothing, and calls `onEnd` once when the tree around it has left the screen for good: StrictMode's second
 * round of effects does not count, nor does a parent that comes back in the same tick.
 */
export function Lifetime({ onEnd }: { readonly onEnd: () => void }): null {
  useEffect(() => {
    let hasLeft = false;
    current.set(onEnd, (current.get(onEnd) ?? 0) + 1);
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      current.set(onEnd, (current.get(onEnd) ?? 1) - 1);
      queueMicrotask(() => {
        if (current.get(onEnd) !== 0) return;
        current.delete(onEnd);
        onEnd();
      });
    };
  }, [onEnd]);
  return null;
}

/** How many effects of a tree are in place. */
const current = new WeakMap<() => void, number>();
