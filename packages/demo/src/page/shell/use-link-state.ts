import { useSyncExternalStore } from "react";
import { useMusubiConnectionStatus } from "../musubi.js";
import type { LinkState } from "./link-state.js";

/** How the page stands with the server. */
export function useLinkState(): LinkState {
  const { state } = useMusubiConnectionStatus();
  const isOnline = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  if (state === "ready") return "live";
  if (state === "error" || state === "closed") return "failed";
  return isOnline ? state : "offline";
}

function subscribeOnline(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}
