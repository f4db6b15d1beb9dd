import { canonicalJson } from "../canonical-json.js";

/** The key under which a root's record is kept: equal for equal params, however they were written. */
export function storeCacheKey(root: {
  readonly module: string;
  readonly id: string;
  readonly params?: object | undefined;
}): string {
  return canonicalJson([root.module, root.id, root.params ?? {}]);
}
