import { deepStrictEqual } from "node:assert/strict";
import {
  applyStreamOp,
  type Envelope,
  type JsonValue,
  parseEnvelope,
  StreamList,
  type StreamOp,
} from "@musubi/protocol";
import { measure, type Timed, type Timing } from "./measure.js";
import { parsing } from "./parsing.js";
import { createRandom } from "./random.js";
import { type Row, rowOf } from "./report.js";

/** How many items the list of the stream cases holds. */
export const ITEMS = 10_000;
const APPENDS = 320;
const OPS = 1_000;

function itemOf(index: number): JsonValue {
  return { id: index, author: `user ${index % 50}`, text: `Message number ${index}`, at: 1_700_000_000 + index };
}

function insertOf(index: number, at: number): StreamOp {
  return {
    op: "insert",
    stream: "log",
    ref: "0",
    store_id: ["chat", "1"],
    item_key: `log-${index}`,
    at,
    item: itemOf(index),
    limit: null,
  };
}

function textOf(stream_ops: readonly StreamOp[]): string {
  return JSON.stringify({ type: "patch", root_id: "App.Chat:1", base_version: 1, version: 2, ops: [], stream_ops });
}

/** Appends, prepends, deletes and moves, in equal parts and random order, on keys of a list of `ITEMS`. */
function mixedOps(): StreamOp[] {
  const below = createRandom(7);
  return Array.from({ length: OPS }, (_, index): StreamOp => {
    const known = below(ITEMS);
    switch (below(4)) {
      case 0:
        return insertOf(ITEMS + index, -1);
      case 1:
        return insertOf(ITEMS + index, 0);
      case 2:
        return insertOf(known, -1);
      default:
        return { op: "delete", stream: "log", ref: "0", store_id: ["chat", "1"], item_key: `log-${known}` };
    }
  });
}

function filled(): StreamList {
  const list = new StreamList();
  for (let index = 0; index < ITEMS; index++) list.insert(`log-${index}`, -1, itemOf(index), null);
  return list;
}

/** Checks each envelope, applies it to a list of 10 000 items, and reads the items after every `readEvery`-th. */
function folding(texts: readonly string[], readEvery: number): Timed<{ list: StreamList; envelopes: Envelope[] }> {
  return {
    name: "ours",
    operations: texts.length,
    prepare: () => ({ list: filled(), envelopes: texts.map((text) => JSON.parse(text) as Envelope) }),
    run: ({ list, envelopes }) => {
      let read: unknown;
      for (let at = 0; at < envelopes.length; at++) {
        for (const op of parseEnvelope(envelopes[at]).stream_ops) applyStreamOp(list, op);
        if ((at + 1) % readEvery === 0) read = list.items();
      }
      return read;
    },
  };
}

/** The same ops on a plain array, as protocol.md section 5 words them. */
function naive(ops: readonly StreamOp[]): JsonValue[] {
  const entries: [string, JsonValue][] = Array.from({ length: ITEMS }, (_, index) => [`log-${index}`, itemOf(index)]);
  for (const op of ops) {
    if (op.op === "reset") continue;
    const found = entries.findIndex(([key]) => key === op.item_key);
    if (found !== -1) entries.splice(found, 1);
    if (op.op === "insert") entries.splice(op.at === -1 ? entries.length : 0, 0, [op.item_key, op.item]);
  }
  return entries.map(([, item]) => item);
}

/** Ops of a stream, how they are spread over envelopes, and after every which of those the list is read. */
export interface StreamCase {
  readonly case: string;
  readonly ops: readonly StreamOp[];
  /** One op an envelope, or all in one. */
  readonly texts: readonly string[];
  readonly readEvery: number;
}

/** The stream cases: on the stream `log` of the store `chat,1`, which holds {@link filling}. */
export function streamCases(): StreamCase[] {
  const appends = Array.from({ length: OPS }, (_, index) => insertOf(ITEMS + index, -1));
  const mixed = mixedOps();
  const one = (ops: readonly StreamOp[]): string[] => ops.map((op) => textOf([op]));
  const few = appends.slice(0, APPENDS);
  return [
    { case: "stream-append", ops: few, texts: one(few), readEvery: 1 },
    { case: "stream-append-read-16th", ops: few, texts: one(few), readEvery: 16 },
    { case: "stream-1000-ops", ops: appends, texts: [textOf(appends)], readEvery: 1 },
    { case: "stream-1000-ops-mixed", ops: mixed, texts: [textOf(mixed)], readEvery: 1 },
  ];
}

/** What fills the list of 10 000 items. */
export function filling(): StreamOp[] {
  return Array.from({ length: ITEMS }, (_, index) => insertOf(index, -1));
}

/** Rows of stream ops on a list of 10 000 items, against parsing the envelopes. */
export function streamRows(): Row[] {
  return streamCases().map(({ case: name, ops, texts, readEvery }) => {
    const subject = folding(texts, readEvery);
    deepStrictEqual(subject.run(subject.prepare()), naive(ops));
    const [reference, ours] = measure([parsing(texts), subject]) as [Timing, Timing];
    return rowOf({ bench: "streams", case: name, size: ITEMS }, ours, reference);
  });
}
