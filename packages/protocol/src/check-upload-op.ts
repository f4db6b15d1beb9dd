import { checkValue } from "./check-value.js";
import { isObject } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import { isStoreId } from "./store-id.js";

/** What each kind of op has beside `upload` and `store_id`: members and their types. */
const OPS: Readonly<Record<string, string>> = {
  reset: "",
  config: "config:object",
  add: "ref:string entry:object",
  progress: "ref:string progress:number",
  complete: "ref:string",
  cancel: "ref:string",
  error: "",
};
const ENTRY =
  "ref:string client_name:string client_size:number client_type:string progress:number status:string errors:list";
const STATUSES = ["pending", "uploading", "success", "error", "cancelled"];

/**
 * Throws `malformed_envelope` unless `op` has the shape of an `UploadOp` (protocol.md section 6), `too_deep` when part
 * of it has more than 256 levels. `index` is its place among the upload ops, for the message.
 */
export function checkUploadOp(op: unknown, index: number): void {
  if (!isUploadOp(op)) {
    throw new MusubiError("malformed_envelope", `upload op ${index} has the wrong shape: mount the root again`, {
      details: { index },
    });
  }
  checkValue(op, () => `upload op ${index}`);
}

function isUploadOp(op: unknown): boolean {
  if (!isObject(op)) return false;
  const { op: kind, upload, store_id, ref, entry, error } = op;
  if (typeof kind !== "string" || !Object.hasOwn(OPS, kind) || typeof upload !== "string" || !isStoreId(store_id)) {
    return false;
  }
  if (kind === "error" && (error === undefined || typeof (ref ?? "") !== "string")) return false;
  if (!fits(op, OPS[kind] as string)) return false;
  return kind !== "add" || (fits(entry, ENTRY) && STATUSES.includes((entry as { status: string }).status));
}

/** Whether the members of `value` are of the types that `shape` names. */
function fits(value: unknown, shape: string): boolean {
  return shape.split(" ").every((part) => {
    const [name = "", type] = part.split(":");
    if (name === "") return true;
    const member = (value as Readonly<Record<string, unknown>>)[name];
    return type === (Array.isArray(member) ? "list" : member === null ? "null" : typeof member);
  });
}
