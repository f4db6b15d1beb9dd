import type { JsonValue } from "./json.js";
import { requireSlash } from "./pointer.js";

/**
 * One change of a rendered tree: the `add`, `remove` and `replace` of RFC 6902. `path` is an RFC 6901 pointer;
 * `-` appends to an array on `add` (protocol.md section 3).
 */
export type PatchOp =
  | { readonly op: "add"; readonly path: string; readonly value: JsonValue }
  | { readonly op: "replace"; readonly path: string; readonly value: JsonValue }
  | { readonly op: "remove"; readonly path: string };

/**
 * Whether `op` has the shape of a {@link PatchOp}; what its value holds is not looked at. No op removes the root.
 *
 * Throws `invalid_pointer` for a path that is neither empty nor begins with `/`.
 */
export function isPatchOp({ op, path, value }: Readonly<Record<string, unknown>>): boolean {
  if (typeof path !== "string") return false;
  requireSlash(path);
  return op === "remove" ? path !== "" : value !== undefined && (op === "replace" || op === "add");
}
