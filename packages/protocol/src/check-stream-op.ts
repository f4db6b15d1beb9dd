import { checkValue } from "./check-value.js";
import { MusubiError } from "./musubi-error.js";
import { quote } from "./pointer.js";
import { isStoreId } from "./store-id.js";

/**
 * Throws `malformed_envelope` unless `op` has the shape of a `StreamOp` (protocol.md section 5), `too_deep` for an item
 * of more than 256 levels. `index` is its place among the stream ops, for the message.
 */
export function checkStreamOp(op: unknown, index: number): void {
  if (typeof op !== "object" || op === null) throw malformed(index, "is no object");
  const { op: kind, stream, store_id, item_key } = op as Readonly<Record<string, unknown>>;
  if (typeof stream !== "string") throw malformed(index, "must name its stream, a string");
  if (!isStoreId(store_id)) throw malformed(index, "must have a store_id, an array of strings", stream);
  if (kind === "reset") return;
  if (typeof item_key !== "string") throw malformed(index, "must have an item_key, a string", stream);
  if (kind === "delete") return;
  if (kind !== "insert") throw malformed(index, "must be a reset, an insert or a delete", stream);
  const { at, limit, item } = op as Readonly<Record<string, unknown>>;
  if (!Number.isInteger(at)) throw malformed(index, "must have an integer as at", stream);
  if (limit !== null && !Number.isInteger(limit))
    throw malformed(index, "must have an integer or null as limit", stream);
  if (item === undefined) throw malformed(index, "must have an item", stream);
  if (typeof item === "object") checkValue(item, () => `the item ${quote(item_key)} of stream ${quote(stream)}`);
}

function malformed(index: number, problem: string, stream?: string): MusubiError {
  const name = stream === undefined ? "" : ` of stream ${quote(stream)}`;
  return new MusubiError("malformed_envelope", `stream op ${index}${name} ${problem}: mount the root again`, {
    details: { index, stream },
  });
}
