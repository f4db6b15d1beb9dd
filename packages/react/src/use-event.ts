import type { AnyStore } from "@musubi/client/runtime";
import { useEffect } from "react";
import { useLatest } from "./use-latest.js";

/** Calls the handler of the last commit for each event of a store, while the component is on screen. */
export function useEvent(store: AnyStore | undefined, name: string, handler: (payload: unknown) => void): void {
  const latest = useLatest(handler);
  useEffect(() => {
    const { handleEvent } = (store ?? {}) as { readonly handleEvent?: HandleEvent };
    return handleEvent?.(name, (payload) => latest.current(payload));
  }, [store, name, latest]);
}

type HandleEvent = (name: string, handler: (payload: unknown) => void) => () => void;
