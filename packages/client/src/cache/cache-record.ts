import { type Envelope, isObject, MusubiError, type StreamOp } from "@musubi/protocol";
import { wallTime } from "../clock.js";
import { isDevelopment } from "../development.js";
import type { ProxyRoot } from "../proxy.js";
import { loadUploads, readableEnvelope } from "../uploads/upload-code.js";
import type { CachedStream, CacheRecord } from "./cache-options.js";

/** The record of a root's state; `undefined` before the server's own state is there. */
export function makeCacheRecord(root: ProxyRoot, buster?: string): CacheRecord | undefined {
  const { tree, version, cache } = root;
  if (tree.root === undefined || version === 0) return undefined;
  const streams: CachedStream[] = [];
  tree.eachStream((store_id, stream, list) => {
    if (list.size > 0) streams.push({ store_id, stream, keys: list.keys(), items: list.items() });
  });
  return {
    format: 1,
    buster: buster ?? cache?.buster ?? "",
    savedAt: wallTime(root.host.clock),
    tree: tree.root,
    streams,
  };
}

/**
 * Shows the state of a record in a root that has none of the server's own yet. What a record holds is trusted no more
 * than what a server sends: it is checked as the initial envelope that it stands for. Throws when it does not pass,
 * with nothing changed. With uploads whose code is not there yet, it is loaded first, and `again` called then.
 */
export function seedRoot(root: ProxyRoot, record: CacheRecord, again: () => void): void {
  const envelope = readableEnvelope(envelopeOf(record));
  if (envelope !== undefined) root.seed(envelope);
  else loadUploads().then(again, (cause: unknown) => warnOfCache(root.host, cause));
}

/** Says in development why a cache is not used. */
export function warnOfCache({ logger }: ProxyRoot["host"], cause: unknown): void {
  if (isDevelopment) logger.warn("A cached state could not be used or kept; stores are mounted without it.", cause);
}

/** The initial envelope that a record stands for, unchecked. */
export function envelopeOf(record: CacheRecord): unknown {
  const stream_ops: StreamOp[] = [];
  for (const { store_id, stream, keys, items } of record.streams) {
    keys.forEach((item_key, at) => {
      stream_ops.push({ op: "insert", stream, store_id, item_key, at: -1, item: items[at] as never, limit: null });
    });
  }
  const ops = [{ op: "replace", path: "", value: record.tree }];
  const envelope = { type: "patch", root_id: "", base_version: 0, version: 1, ops, stream_ops };
  return envelope satisfies { [member in keyof Envelope]?: unknown };
}

/** Checks the outer shape of what is said to be a record; what it holds is checked as it is shown. Throws. */
export function requireCacheRecord(value: unknown): CacheRecord {
  if (
    isObject(value) &&
    value["format"] === 1 &&
    typeof value["buster"] === "string" &&
    typeof value["savedAt"] === "number"
  )
    return value as never;
  throw new MusubiError("malformed_envelope", "This is no record of a root's state.");
}
