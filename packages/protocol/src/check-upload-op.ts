import { checkValue } from "./check-value.js";
import { isObject } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import { quote } from "./pointer.js";
import { isStoreId } from "./store-id.js";

const STATUSES: ReadonlySet<unknown> = new Set(["pending", "uploading", "success", "error", "cancelled"]);

/**
 * Throws `malformed_envelope` unless `op` has the shape of an `UploadOp` (protocol.md section 6), `too_deep` when part
 * of it has more than 256 levels. `index` is its place among the upload ops, for the message.
 */
export function checkUploadOp(op: unknown, index: number): void {
  const problem = findProblem(op);
  if (problem === undefined) {
    checkValue(op, () => `upload op ${index}`);
    return;
  }
  const upload = isObject(op) && typeof op["upload"] === "string" ? ` of ${quote(op["upload"])}` : "";
  throw new MusubiError("malformed_envelope", `upload op ${index}${upload} ${problem}: mount the root again`, {
    details: { index },
  });
}

function findProblem(op: unknown): string | undefined {
  if (!isObject(op)) return "is no object";
  if (typeof op["upload"] !== "string") return "must name its upload, a string";
  if (!isStoreId(op["store_id"])) return "must have a store_id, an array of strings";
  const hasRef = typeof op["ref"] === "string";
  switch (op["op"]) {
    case "reset":
      return undefined;
    case "config":
      return isObject(op["config"]) ? undefined : "must have a config, an object";
    case "add":
      if (!hasRef) return "must have a ref, a string";
      return entryProblem(op["entry"]);
    case "progress":
      return hasRef && typeof op["progress"] === "number" ? undefined : "must have a ref and a progress, a number";
    case "complete":
    case "cancel":
      return hasRef ? undefined : "must have a ref, a string";
    case "error": {
      const refFits = hasRef || op["ref"] === undefined || op["ref"] === null;
      return refFits && op["error"] !== undefined ? undefined : "must have an error, and a string as ref or none";
    }
    default:
      return "must be one of config, add, progress, complete, error, cancel and reset";
  }
}

function entryProblem(entry: unknown): string | undefined {
  const fits =
    isObject(entry) &&
    typeof entry["ref"] === "string" &&
    typeof entry["client_name"] === "string" &&
    typeof entry["client_size"] === "number" &&
    typeof entry["client_type"] === "string" &&
    typeof entry["progress"] === "number" &&
    STATUSES.has(entry["status"]) &&
    Array.isArray(entry["errors"]);
  return fits
    ? undefined
    : "must have an entry with ref, client_name, client_size, client_type, progress, status, errors";
}
