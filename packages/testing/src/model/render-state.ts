import {
  ASYNC_KEY,
  deepEqual,
  diff,
  type JsonValue,
  type PatchOp,
  STORE_ID_KEY,
  type StoreId,
  type StreamEntry,
  type StreamOp,
  storeIdKey,
  streamMarker,
  UPLOAD_KEY,
} from "@musubi/protocol";
import { AsyncState, ChildStore, keyIn, StreamItems, UploadSlot } from "./wire-parts.js";

/** A stream as it was rendered. */
interface RenderedStream {
  readonly storeId: StoreId;
  readonly name: string;
  readonly entries: readonly StreamEntry[];
}

/** A state on the wire: the tree, and its streams. */
export interface RenderedState {
  readonly tree: JsonValue;
  readonly streams: ReadonlyMap<string, RenderedStream>;
}

/** What a server would render of a state. */
export function renderState(state: object): RenderedState {
  const streams = new Map<string, RenderedStream>();
  return { tree: renderStore(state, [], streams), streams };
}

/** What leads a client from one state to another; empty lists when they are equal. */
export function changesBetween(
  before: RenderedState,
  after: RenderedState,
): { readonly ops: readonly PatchOp[]; readonly stream_ops: readonly StreamOp[] } {
  const streamOps = Array.from(after.streams).flatMap(([key, stream]) => changesOf(stream, before.streams.get(key)));
  return { ops: diff(before.tree, after.tree), stream_ops: streamOps };
}

/** The ops that fill the streams of a state that begins. */
export function fillingStreams({ streams }: RenderedState): readonly StreamOp[] {
  return Array.from(streams.values()).flatMap((stream) => changesOf(stream, undefined));
}

function renderStore(fields: object, storeId: StoreId, streams: Map<string, RenderedStream>): JsonValue {
  const node: Record<string, JsonValue> = { [STORE_ID_KEY]: storeId };
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) node[name] = renderValue(value, storeId, [name], streams);
  }
  return node;
}

function renderValue(
  value: unknown,
  storeId: StoreId,
  place: readonly string[],
  streams: Map<string, RenderedStream>,
): JsonValue {
  if (value instanceof ChildStore) {
    const id = value.key === undefined ? place : [...place, value.key];
    return renderStore(value.fields as object, [...storeId, ...id], streams);
  }
  if (value instanceof AsyncState) {
    const result = renderValue(value.result, storeId, place, streams);
    return { [ASYNC_KEY]: true, status: value.status, result, reason: (value.reason ?? null) as JsonValue };
  }
  if (value instanceof UploadSlot) return { [UPLOAD_KEY]: place.join(".") };
  if (value instanceof StreamItems) {
    const name = place.join(".");
    const twice = value.keys.find((key, index) => value.keys.indexOf(key) !== index);
    if (twice !== undefined)
      throw new Error(`two items of stream "${name}" have the key "${twice}": give streamOf a keyOf`);
    const entries = value.items.map((item, index) => ({
      key: value.keys[index] ?? String(index),
      item: item as JsonValue,
    }));
    streams.set(`${storeIdKey(storeId)}/${name}`, { storeId, name, entries });
    return streamMarker(name);
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => {
      if (!(item instanceof ChildStore)) return renderValue(item, storeId, [...place, String(index)], streams);
      const key = item.key ?? keyIn(item.fields, index);
      return renderStore(item.fields as object, [...storeId, ...place, key], streams);
    });
  }
  if (typeof value !== "object" || value === null) return (value ?? null) as JsonValue;
  const object: Record<string, JsonValue> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) object[key] = renderValue(member, storeId, [...place, key], streams);
  }
  return object;
}

/** Leaves what is in its place; the rest is taken out, put in or moved. */
function changesOf({ storeId, name, entries }: RenderedStream, before: RenderedStream | undefined): StreamOp[] {
  const common = { stream: name, ref: "0", store_id: storeId };
  const wanted = new Set(entries.map(({ key }) => key));
  const ops: StreamOp[] = [];
  const now: StreamEntry[] = [];
  for (const entry of before?.entries ?? []) {
    if (wanted.has(entry.key)) now.push(entry);
    else ops.push({ op: "delete", ...common, item_key: entry.key });
  }
  for (const [at, entry] of entries.entries()) {
    const held = now[at];
    if (held?.key === entry.key && deepEqual(held.item, entry.item)) continue;
    const former = now.findIndex(({ key }) => key === entry.key);
    if (former !== -1) now.splice(former, 1);
    const place = at >= now.length ? -1 : at;
    ops.push({ op: "insert", ...common, item_key: entry.key, at: place, item: entry.item, limit: null });
    now.splice(at, 0, entry);
  }
  return ops;
}
