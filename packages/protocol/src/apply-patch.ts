import { checkValue } from "./check-value.js";
import { isObject, type JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import { isPatchOp, type PatchOp } from "./patch-op.js";
import { TreeDraft } from "./tree-draft.js";

// One for all calls: a full collection of V8 that finds no draft alive forgets what drafts look like and throws away
// their optimised code, and the next patches take three to five times as long.
const draft = new TreeDraft(null);

/**
 * The document with `ops` applied (RFC 6902 `add`, `remove` and `replace`; protocol.md section 3), all or none of them.
 *
 * Neither the document nor the ops are written to: the result shares with them every object and array that no path
 * leads through, and is the same document when there are no ops. Costs the length of the paths and one copy of each
 * container on them. `add` replaces a member that exists; `replace` and `remove` need one. The document is trusted to
 * hold no own `__proto__` member.
 *
 * Throws `path_not_found`, `invalid_pointer`, `malformed_envelope` (an op of another shape, an own `__proto__` member in
 * a value) or `too_deep` (a value or a path of more than 256 levels).
 */
export function applyPatch(document: JsonValue, ops: readonly PatchOp[]): JsonValue {
  if (!Array.isArray(ops)) throw new MusubiError("malformed_envelope", "the patch is no array: pass a list of ops");
  draft.begin(document);
  try {
    for (let index = 0; index < ops.length; index++) {
      const op: PatchOp = ops[index];
      if (!isObject(op) || !isPatchOp(op)) {
        throw new MusubiError("malformed_envelope", `op ${index} has the wrong shape`);
      }
      draft.apply(op);
      if (op.op !== "remove") checkValue(op.value, "the value of an op");
    }
    return draft.root;
  } finally {
    draft.begin(null);
  }
}
