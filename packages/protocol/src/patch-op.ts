import type { JsonValue } from "./json.js";

/**
 * One change of a rendered tree: the `add`, `remove` and `replace` of RFC 6902. `path` is an RFC 6901 pointer;
 * `-` appends to an array on `add` (protocol.md section 3).
 */
export type PatchOp =
  | { readonly op: "add"; readonly path: string; readonly value: JsonValue }
  | { readonly op: "replace"; readonly path: string; readonly value: JsonValue }
  | { readonly op: "remove"; readonly path: string };
