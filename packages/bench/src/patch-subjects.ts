import { applyPatch, type JsonValue, type PatchOp } from "@musubi/protocol";
import jsonpatch from "fast-json-patch";
import { produce, setAutoFreeze } from "immer";
import { immutableJSONPatch } from "immutable-json-patch";

/** Applies the ops of one envelope and leaves the former tree intact. */
export type Apply = (document: JsonValue, ops: readonly PatchOp[]) => JsonValue;

// Freezing is a service of its own; without it immer is at its fastest.
setAutoFreeze(false);

/** What is compared, by the names of the packages. All keep the tree before the patch as it was. */
export const PATCH_SUBJECTS: { readonly ours: Apply; readonly [peer: string]: Apply } = {
  ours: applyPatch,
  "immutable-json-patch": (document, ops) => immutableJSONPatch<JsonValue, JsonValue>(document, ops as never),
  immer: (document, ops) => produce(document, (draft: unknown) => writeOps(draft as Writable, ops)),
  // It writes to what it is given, so the contract asks for a clone.
  "fast-json-patch": (document, ops) =>
    jsonpatch.applyPatch(jsonpatch.deepClone(document), ops as jsonpatch.Operation[]).newDocument as JsonValue,
};

type Writable = Record<string | number, JsonValue>;

/** The straightforward way to write a patch into a draft. Paths of this bench have no escapes and never name the root. */
function writeOps(draft: Writable, ops: readonly PatchOp[]): void {
  for (const op of ops) {
    const tokens = op.path.split("/");
    const last = tokens.pop() as string;
    let node: unknown = draft;
    for (let at = 1; at < tokens.length; at++) node = (node as Writable)[tokens[at] as string];
    if (op.op === "replace") (node as Writable)[last] = op.value;
    else if (op.op === "add") (node as JsonValue[]).splice(Number(last), 0, op.value);
    else (node as JsonValue[]).splice(Number(last), 1);
  }
}
