/**
 * What an envelope costs the client, from the channel's callback until its listeners are told, against `JSON.parse` of
 * the envelope's text and against a runtime that rebuilds everything. Run with `--json` for one JSON array of rows.
 */
import { deepStrictEqual, notDeepStrictEqual } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { JsonValue, StoreId, StreamOp } from "@musubi/protocol";
import { initial, insertChild, oneOp, removeChild, tenOps, tenOpsInOneStore, type Texts } from "./envelopes.js";
import { measure, type Timed, type Timing } from "./measure.js";
import { type Client, initialEnvelope, NaiveClient, type Numbered, OurClient } from "./mounted-root.js";
import { parsing } from "./parsing.js";
import { createRandom } from "./random.js";
import { print, type Row, rowOf } from "./report.js";
import { filling, ITEMS, streamCases } from "./streams.js";
import { balancedTree, INBOX, rowIdsOf, storesOf, withInbox } from "./tree.js";

const SIZES = [100, 1_000, 10_000, 50_000];
const TREE_CASES = "one-listener one-op ten-ops ten-ops-one-store burst insert-child remove-child";
const PER_RUN = 400;
const BURST = 100;
const CHAT: StoreId = ["chat", "1"];

/** One question: what a run of envelopes costs a client in some state. */
interface Case {
  readonly case: string;
  readonly size: number;
  readonly texts: Texts;
  /** Brings a client into the state that a run begins with; `isNew` at its first run. */
  prepare(client: Client, isNew: boolean): void;
  /** Whether each run has a client of its own. */
  readonly isFresh?: boolean;
  /** What an app does after each envelope; `at` counts from 1. */
  after?(client: Client, at: number): unknown;
}

type Run = { readonly client: Client; readonly envelopes: Numbered[] };

const read = (text: string): Numbered => JSON.parse(text) as Numbered;
const readTree = (client: Client): unknown => client.tree;

function running(name: string, create: () => Client, of: Case, texts: Texts): Timed<Run> {
  let client: Client | undefined;
  return {
    name,
    operations: texts.length,
    prepare: () => {
      const isNew = client === undefined || of.isFresh === true;
      if (client === undefined || isNew) client = create();
      of.prepare(client, isNew);
      return { client, envelopes: texts.map(read) };
    },
    run: ({ client: own, envelopes }) => {
      let last: unknown;
      for (let at = 0; at < envelopes.length; at++) {
        own.take(envelopes[at] as Numbered);
        if (of.after !== undefined) last = of.after(own, at + 1);
      }
      return last;
    },
  };
}

/** Both clients must come to the same tree, streams and number of calls; and to others than before. */
function verify(of: Case): void {
  const texts = of.texts.slice(0, 3);
  const outcomes = [OurClient, NaiveClient].map((Kind) => {
    const subject = running("", () => new Kind(), of, texts);
    const run = subject.prepare();
    const before = [run.client.tree, run.client.stream(CHAT, "log")];
    const told = run.client.told;
    subject.run(run);
    const after = [run.client.tree, run.client.stream(CHAT, "log")];
    notDeepStrictEqual(after, before, `${of.case} changes nothing`);
    return { after, told: run.client.told - told };
  });
  deepStrictEqual(outcomes[0], outcomes[1], `${of.case}: the client and the naive one differ`);
}

function rowsOf(of: Case, isNaiveTimed: boolean): Row[] {
  verify(of);
  const place = { bench: "runtime", case: of.case, size: of.size };
  const ours = (texts: Texts): Timed<Run> => running("ours", () => new OurClient(), of, texts);
  const [parse, own] = measure([parsing(of.texts), ours(of.texts)]) as [Timing, Timing];
  const rows = [rowOf(place, own, parse)];
  if (!isNaiveTimed) return rows;
  // On its own: the garbage of rebuilding everything would slow down the others.
  const naive = running("naive", () => new NaiveClient(), of, of.texts.slice(0, 1));
  const slow = measure([ours(of.texts), naive], { warmUps: 1, warmMs: 0, rounds: 5 }) as [Timing, Timing];
  return [...rows, rowOf(place, slow[0], slow[1])];
}

/** A root that is mounted once and goes on, with `listeners` listeners: one on the root, the others on rows. */
function standing(
  place: { case: string; size: number },
  root: JsonValue,
  listeners: number,
  texts: Texts,
  more: Partial<Case> = {},
): Case {
  return {
    ...place,
    texts,
    after: readTree,
    prepare: (client, isNew) => {
      if (!isNew) return;
      client.take(initialEnvelope(root));
      client.subscribe(listenersOn(root, listeners));
    },
    ...more,
  };
}

/** The root and random rows. */
function listenersOn(root: JsonValue, count: number): StoreId[] {
  const rows = rowIdsOf(root);
  const below = createRandom(count);
  return Array.from({ length: count }, (_, at) => (at === 0 ? [] : (rows[below(rows.length)] as StoreId)));
}

/** The inbox as a server would send it. */
function freshInbox(): JsonValue {
  return JSON.parse(JSON.stringify(storesOf("inbox", INBOX))) as JsonValue;
}

/** As {@link standing}, with the inbox filled anew before each run. */
function inboxCase(name: string, size: number, root: JsonValue, texts: Texts): Case {
  const place = { case: name, size };
  const begin = standing(place, root, 100, texts);
  return {
    ...begin,
    prepare: (client, isNew) => {
      begin.prepare(client, isNew);
      const ops = [{ op: "replace", path: "/inbox", value: freshInbox() } as const];
      if (!isNew) client.take({ ...initialEnvelope(null), ops });
    },
  };
}

function treeCases(size: number): Case[] {
  const tree = balancedTree(size);
  const { root } = tree;
  const inbox = withInbox(root);
  const below = createRandom(size);
  const one = oneOp(tree, below, PER_RUN);
  return [
    standing({ case: "one-listener", size }, root, 1, one),
    standing({ case: "one-op", size }, root, 100, one),
    // On fewer stores it would be the telling that is measured.
    ...(size < 10_000 ? [] : [standing({ case: "many-listeners", size }, root, 10_000, one)]),
    standing({ case: "ten-ops", size }, root, 100, tenOps(tree, below, PER_RUN / 4)),
    standing({ case: "ten-ops-one-store", size }, root, 100, tenOpsInOneStore(tree, below, PER_RUN / 4)),
    standing({ case: "burst", size }, root, 0, oneOp(tree, below, BURST), {
      after: (client, at) => (at === BURST ? client.tree : undefined),
    }),
    inboxCase("insert-child", size, inbox, insertChild(below, PER_RUN / 4)),
    inboxCase("remove-child", size, inbox, removeChild(below, PER_RUN / 4)),
  ];
}

function initialCases(size: number): Case[] {
  const tree = balancedTree(size);
  return [0, 100, 10_000].map((listeners) => ({
    case: `initial-${listeners}-listeners`,
    size,
    texts: initial(tree),
    isFresh: true,
    prepare: (client) => client.subscribe(listeners === 0 ? [] : listenersOn(tree.root, listeners)),
  }));
}

function chatCases(): Case[] {
  const marker = { __musubi_stream__: "log" };
  const chat = { __musubi_store_id__: ["chat", "1"], title: "Chat", log: marker };
  const root = { __musubi_store_id__: [], title: "Board", chat, user: { name: "A" } };
  const items: readonly StreamOp[] = filling();
  return streamCases().map(({ case: name, texts, readEvery }) => ({
    case: name,
    size: items.length,
    texts,
    isFresh: true,
    prepare: (client) => {
      client.take(initialEnvelope(root, items));
      client.subscribe([CHAT]);
    },
    after: (client, at) => (at % readEvery === 0 ? client.stream(CHAT, "log") : undefined),
  }));
}

const GROUPS: Readonly<Record<string, (size: number) => Case[]>> = {
  streams: chatCases,
  initial: initialCases,
  tree: treeCases,
};
/** Every case by the group and size that it is made with. */
const CASES: readonly (readonly [group: string, size: number, names: string])[] = [
  ["streams", ITEMS, "stream-append stream-append-read-16th stream-1000-ops stream-1000-ops-mixed"],
  ...[1_000, 10_000].map(
    (size) => ["initial", size, "initial-0-listeners initial-100-listeners initial-10000-listeners"] as const,
  ),
  ...SIZES.map((size) => ["tree", size, TREE_CASES + (size < 10_000 ? "" : " many-listeners")] as const),
];

/** The value of `--name=value` among the arguments. */
function optionOf(name: string): string | undefined {
  const start = `--${name}=`;
  return process.argv.find((arg) => arg.startsWith(start))?.slice(start.length);
}

/**
 * Runs each case in a process of its own: neither the trees of cases that are done with nor what the engine learned from
 * them weighs on the next. `--case=` and `--size=` pick some; `--no-naive` leaves the slow comparison out.
 */
function allRows(): Row[] {
  const [only, size] = [optionOf("case"), optionOf("size")];
  return CASES.flatMap(([group, each, names]) =>
    names.split(" ").flatMap((name) => {
      if ((only !== undefined && name !== only) || (size !== undefined && each !== Number(size))) return [];
      const args = [`--only=${group} ${each} ${name}`, ...process.argv.slice(2)];
      const output = execFileSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      return JSON.parse(output) as Row[];
    }),
  );
}

/** The rows of the one case that this process is for. */
function ownRows(only: string): Row[] {
  const [group = "", size, name] = only.split(" ");
  const found = GROUPS[group]?.(Number(size)).find((each) => each.case === name);
  if (found === undefined) throw new Error(`No case is called ${only}.`);
  // Rebuilding 50 000 stores takes most of a second.
  return rowsOf(found, found.size <= 10_000 && !process.argv.includes("--no-naive"));
}

const only = optionOf("only");
print(only === undefined ? allRows() : ownRows(only), only !== undefined || process.argv.includes("--json"));
