import { MusubiError } from "./musubi-error.js";
import { quote } from "./pointer.js";

/** An op as an error message names it: its place in the list, its kind and its path. */
export function describeOp(op: unknown, index: number): string {
  const { op: kind, path } = (typeof op === "object" && op !== null ? op : {}) as { op?: unknown; path?: unknown };
  if (typeof kind !== "string" || typeof path !== "string") return `op ${index}`;
  return `op ${index} (${kind.slice(0, 20)} ${quote(path)})`;
}

/**
 * Throws `malformed_envelope` unless `op` has the shape of a `PatchOp` (protocol.md section 3). What its value holds
 * is not looked at: see `checkValue`.
 */
export function checkOp(op: unknown, index: number): void {
  const problem = findProblem(op);
  if (problem === undefined) return;
  throw new MusubiError("malformed_envelope", `${describeOp(op, index)} ${problem}`, { details: { index } });
}

function findProblem(op: unknown): string | undefined {
  if (typeof op !== "object" || op === null) return 'is no object: send { "op", "path", "value" }';
  const { op: kind, path, value } = op as { op?: unknown; path?: unknown; value?: unknown };
  if (kind !== "replace" && kind !== "add" && kind !== "remove")
    return 'is no op of a tree: send "add", "remove" or "replace"';
  if (typeof path !== "string") return 'has no path: send a JSON Pointer, "" for the root';
  if (value === undefined && kind !== "remove") return "has no value: send one, null included";
  return undefined;
}
