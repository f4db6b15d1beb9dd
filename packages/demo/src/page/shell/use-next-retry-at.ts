import { useSyncExternalStore } from "react";
import { useMusubiConnection } from "../musubi.js";

/** When the socket tries again, in milliseconds since 1970; `null` while it does not wait. */
export function useNextRetryAt(): number | null {
  const { statusDetail } = useMusubiConnection();
  return useSyncExternalStore(statusDetail.subscribe, () => statusDetail.current.nextRetryAt);
}
