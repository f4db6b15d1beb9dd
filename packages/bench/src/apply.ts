/**
 * How long it takes to apply an envelope to a tree, against `JSON.parse` of the envelope's text and against other
 * libraries that apply JSON Patch. Run with `--json` for one JSON array of rows.
 */
import { deepStrictEqual, notDeepStrictEqual } from "node:assert/strict";
import { applyPatch, type Envelope, type JsonValue, parseEnvelope } from "@musubi/protocol";
import { initial, insertChild, oneOp, removeChild, tenOps, tenOpsInOneStore, type Texts } from "./envelopes.js";
import { measure, type Timed, type Timing } from "./measure.js";
import { parsing } from "./parsing.js";
import { type Apply, PATCH_SUBJECTS } from "./patch-subjects.js";
import { createRandom } from "./random.js";
import { print, type Row, rowOf } from "./report.js";
import { streamRows } from "./streams.js";
import { balancedTree, wideTree, withInbox } from "./tree.js";

const SIZES = [100, 1_000, 10_000, 50_000];
const WIDE = 10_000;
/** Envelopes per run; `slow` subjects, which cost the size of the tree, get a few. */
const PER_RUN = 400;
const SLOW_PER_RUN = 2;

const read = (text: string): Envelope => JSON.parse(text) as Envelope;

function applying(name: string, apply: Apply, root: JsonValue, texts: Texts): Timed<Envelope[]> {
  return {
    name,
    operations: texts.length,
    prepare: () => texts.map(read),
    run: (envelopes) => {
      let document = root;
      for (const envelope of envelopes) document = apply(document, envelope.ops);
      return document;
    },
  };
}

/** Every subject must come to the same tree, another one than before, and leave the former as it was. */
function verify(root: JsonValue, texts: Texts): void {
  const before = JSON.stringify(root);
  const few = texts.slice(0, 3);
  const expected = applying("ours", applyPatch, root, few).run(few.map(read));
  notDeepStrictEqual(expected, root);
  for (const [name, apply] of Object.entries(PATCH_SUBJECTS)) {
    deepStrictEqual(applying(name, apply, root, few).run(few.map(read)), expected, `${name} comes to another tree`);
    deepStrictEqual(JSON.stringify(root), before, `${name} wrote to the former tree`);
  }
}

/**
 * Rows of ours and the peers against parsing, and of ours against each peer. Each peer is measured in turn with ours and
 * with nobody else: the garbage that one makes in copying a whole tree would slow down all others.
 */
function compare(place: { case: string; size: number }, root: JsonValue, texts: Texts): Row[] {
  verify(root, texts);
  const where = { bench: "apply", ...place };
  const { ours: own, ...peers } = PATCH_SUBJECTS;
  const rows: Row[] = [];
  for (const [name, apply] of Object.entries(peers)) {
    const peer = applying(name, apply, root, name === "fast-json-patch" ? texts.slice(0, SLOW_PER_RUN) : texts);
    const timings = measure([parsing(texts), applying("ours", own, root, texts), peer]);
    const [parse, ours, other] = timings as [Timing, Timing, Timing];
    if (rows.length === 0) rows.push(rowOf(where, ours, parse));
    rows.push(rowOf(where, other, parse), rowOf(where, ours, other));
  }
  return rows;
}

/** What the guard adds to parsing. */
function guard(place: { case: string; size: number }, texts: Texts): Row {
  const checking: Timed<Envelope[]> = {
    name: "ours",
    operations: texts.length,
    prepare: () => texts.map(read),
    run: (envelopes) => {
      let last: unknown;
      for (const envelope of envelopes) last = parseEnvelope(envelope);
      return last;
    },
  };
  const [reference, ours] = measure([parsing(texts), checking]) as [Timing, Timing];
  return rowOf({ bench: "envelope-guard", ...place }, ours, reference);
}

function allRows(): Row[] {
  const rows: Row[] = [];
  for (const size of SIZES) {
    const tree = balancedTree(size);
    const inbox = withInbox(tree.root);
    const below = createRandom(size);
    const one = oneOp(tree, below, PER_RUN);
    rows.push(...compare({ case: "one-op", size }, tree.root, one));
    rows.push(...compare({ case: "ten-ops", size }, tree.root, tenOps(tree, below, PER_RUN / 4)));
    rows.push(...compare({ case: "ten-ops-one-store", size }, tree.root, tenOpsInOneStore(tree, below, PER_RUN / 4)));
    rows.push(...compare({ case: "insert-child", size }, inbox, insertChild(below, PER_RUN / 4)));
    rows.push(...compare({ case: "remove-child", size }, inbox, removeChild(below, PER_RUN / 4)));
    rows.push(guard({ case: "one-op", size }, one));
    rows.push(guard({ case: "initial", size }, initial(tree)));
  }
  const wide = wideTree(WIDE);
  rows.push(...compare({ case: "wide-array", size: WIDE }, wide.root, oneOp(wide, createRandom(WIDE), PER_RUN / 4)));
  rows.push(...streamRows());
  return rows;
}

print(allRows(), process.argv.includes("--json"));
