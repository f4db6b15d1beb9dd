import { isRetryable, type MusubiError } from "@musubi/protocol";
import type { RootOutcome } from "./root-state.js";

/** Whether a refused mount would be refused again: by us, or by the server for a reason that does not pass. */
export function isFinalRefusal(error: MusubiError): boolean {
  if (error.code !== "mount_refused") return !error.retryable;
  const reason = String((error as { readonly reason?: unknown }).reason);
  // "closed": the server ended the root's channel before it had an answer.
  return reason !== "closed" && !isRetryable(reason);
}

/**
 * Where a refused mount leaves its root: nowhere if it never had state (client.md rule 5); else it keeps its last state
 * and is tried again, unless that cannot help. A state from a cache (`fromCache`) is not to be shown as if it were to
 * come true when the server has refused it.
 */
export function refusalOutcome(
  error: MusubiError,
  { hasState, fromCache }: { readonly hasState: boolean; readonly fromCache: boolean },
): RootOutcome {
  if (!hasState) return "end";
  // What a server refuses now it may allow later; what we refuse it cannot change.
  return isFinalRefusal(error) && (fromCache || error.code !== "mount_refused") ? "fail" : "retry";
}
