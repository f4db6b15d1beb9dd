/** Refusals that mounting again by itself cannot change. */
const FINAL_REFUSALS: ReadonlySet<string> = new Set(["mount_crashed", "root_id_taken", "inconsistent", "invalid_id"]);

/**
 * Where a refused mount leaves its root: nowhere if it never had state (client.md rule 5); else it keeps its last state
 * and is tried again, unless that cannot help.
 */
export function refusalOutcome(code: string, hasState: boolean): "closed" | "failed" | "retry" {
  if (!hasState) return "closed";
  return FINAL_REFUSALS.has(code) ? "failed" : "retry";
}
