import { useCallback } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";
import type { AnyConnection } from "./any-store.js";
import type { ConnectionHandle } from "./connection-handle.js";
import type { MusubiConnectionStatus } from "./connection-status.js";

/** How the provider's connection stands. */
export function useConnectionStatus({ status }: ConnectionHandle): MusubiConnectionStatus<AnyConnection> {
  const subscribe = useCallback((listener: () => void) => status.subscribe(listener), [status]);
  const read = (): MusubiConnectionStatus<AnyConnection> => status.current;
  return useSyncExternalStore(subscribe, read, read);
}
