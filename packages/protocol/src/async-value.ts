import { isObject, type JsonValue } from "./json.js";

/** The key of an async value (protocol.md section 4). */
export const ASYNC_KEY = "__musubi_async__";

/** A value that the server loads in the background, as it travels. */
export interface WireAsync {
  readonly [ASYNC_KEY]?: true;
  readonly status: "loading" | "ok" | "failed";
  readonly result: JsonValue;
  readonly reason: JsonValue;
}

const STATUSES: ReadonlySet<unknown> = new Set(["loading", "ok", "failed"]);

/**
 * Whether `value` is an async value. Older servers leave the marker key out: there an object with exactly
 * `status`, `result` and `reason` is one (protocol.md section 4).
 */
export function isWireAsync(value: unknown): value is WireAsync {
  if (!isObject(value) || !STATUSES.has(value["status"])) return false;
  if (value[ASYNC_KEY] === true) return true;
  return "result" in value && "reason" in value && Object.keys(value).length === 3;
}
