import type { UploadHandle, UploadSnapshot } from "@musubi/client";
import { useCallback, useMemo } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";

/** What `useMusubiUpload` returns: a slot as it was rendered, and what can be done with it, which is stable. */
export type MusubiUpload = UploadSnapshot & Pick<UploadHandle, "select" | "start" | "cancel" | "reset">;

/** Shows an upload slot, and renders again when something in it has changed. */
export function useUpload(handle: UploadHandle | undefined): MusubiUpload | undefined {
  const subscribe = useCallback((listener: () => void) => handle?.subscribe(listener) ?? (() => {}), [handle]);
  const read = (): UploadSnapshot | undefined => handle?.snapshot();
  const snapshot = useSyncExternalStore(subscribe, read, read);
  const actions = useMemo(
    () =>
      handle && {
        select: handle.select.bind(handle),
        start: handle.start.bind(handle),
        cancel: handle.cancel.bind(handle),
        reset: handle.reset.bind(handle),
      },
    [handle],
  );
  return useMemo(() => snapshot && actions && { ...snapshot, ...actions }, [snapshot, actions]);
}
