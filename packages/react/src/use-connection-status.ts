import type { AnyConnection, MusubiConnectionStatus } from "@musubi/client/runtime";
import { useCallback } from "react";
import { useSyncExternalStore } from "use-sync-external-store/shim";
import type { Binding } from "./binding.js";

/** How the provider's connection stands. */
export function useConnectionStatus({ status, serverStatus }: Binding): MusubiConnectionStatus<AnyConnection> {
  const subscribe = useCallback((listener: () => void) => status.subscribe(listener), [status]);
  return useSyncExternalStore(
    subscribe,
    () => status.current,
    () => serverStatus,
  );
}
