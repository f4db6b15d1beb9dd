import { isObject } from "./json.js";
import { isStoreId } from "./store-id.js";

type Members = Readonly<Record<string, unknown>>;

/** Whether `op` has the shape of an `UploadOp` (protocol.md section 6); how deep its values are is not looked at. */
export function isUploadOp(op: Members): boolean {
  const { op: kind, store_id, ref, config, error, entry } = op;
  if (!isStoreId(store_id) || !areAll("string", op, "op upload")) return false;
  switch (kind) {
    case "reset":
      return true;
    case "config":
      return isObject(config);
    case "error":
      return error !== undefined && typeof (ref ?? "") === "string";
  }
  if (typeof ref !== "string") return false;
  if (kind === "add") return isEntry(entry);
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
