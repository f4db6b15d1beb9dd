import { checkValue } from "./check-value.js";
import { isObject } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import { isStoreId } from "./store-id.js";

type Members = Readonly<Record<string, unknown>>;

/**
 * Throws `malformed_envelope` unless `op` has the shape of an `UploadOp` (protocol.md section 6), `too_deep` when part
 * of it has more than 256 levels. `index` is its place among the upload ops, for the message.
 */
export function checkUploadOp(op: unknown, index: number | undefined): void {
  if (!isUploadOp(op)) {
    throw new MusubiError("malformed_envelope", `upload op ${index} has the wrong shape: mount the root again`, {
      details: { index },
    });
  }
  checkValue(op, () => `upload op ${index}`);
}

function isUploadOp(op: unknown): boolean {
  if (!isObject(op) || !isStoreId(op["store_id"]) || !areAll("string", op, "op upload")) return false;
  const { op: kind, ref, config, error } = op;
  switch (kind) {
    case "reset":
      return true;
    case "config":
      return isObject(config);
    case "error":
      return error !== undefined && typeof (ref ?? "") === "string";
  }
  if (typeof ref !== "string") return false;
  if (kind === "add") return isEntry(op["entry"]);
  return kind === "progress" ? areAll("number", op, kind) : kind === "complete" || kind === "cancel";
}

function isEntry(entry: unknown): boolean {
  return (
    isObject(entry) &&
    areAll("string", entry, "ref client_name client_type") &&
    areAll("number", entry, "client_size progress") &&
    Array.isArray(entry["errors"]) &&
    ["pending", "uploading", "success", "error", "cancelled"].includes(entry["status"] as string)
  );
}

function areAll(type: string, members: Members, names: string): boolean {
  return names.split(" ").every((name) => typeof members[name] === type);
}
