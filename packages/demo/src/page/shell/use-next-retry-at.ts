import { useCallback, useSyncExternalStore } from "react";
import { useMusubiConnectionStatus } from "../musubi.js";

/** When the socket tries again, in milliseconds since 1970; `null` while it does not wait. */
export function useNextRetryAt(): number | null {
  const detail = useMusubiConnectionStatus().connection?.statusDetail;
  const subscribe = useCallback((listener: () => void) => detail?.subscribe(listener) ?? (() => {}), [detail]);
  return useSyncExternalStore(subscribe, () => detail?.current.nextRetryAt ?? null);
}
