import { type JsonObject, type JsonValue, STORE_ID_KEY, type StoreId, storeIdKey } from "@musubi/protocol";
import * as v from "valibot";
import { expect, test } from "vitest";
import { command } from "./command.js";
import { defineStore } from "./define-store.js";
import { child, stream } from "./placeholders.js";
import { type } from "./schema.js";
import { StoreServer, turns } from "./store-client.test.util.js";
import type { AnyStore, Store } from "./store-types.js";

/**
 * Random trees of stores under random messages: after each one, the tree that the envelopes made at the client must
 * equal one computed afresh from the state each store should have by the test's own book.
 */

/** What a store's state is by the book; the store's own assigns start as a copy of it. */
interface Node {
  readonly id: string;
  readonly kind: number;
  readonly label: string;
  readonly layout: number;
  readonly kids: readonly Node[];
}

interface Props {
  readonly node: Node;
  readonly tint: string;
  readonly onShout: (word: string) => void;
}

class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed % 2_147_483_646) + 1;
  }

  below(limit: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** Places the children in one of several shapes; the same for stores and for the book. */
function layOut<T>(layout: number, kids: readonly { readonly id: string; readonly value: T }[]): object {
  const values = kids.map(({ value }) => value);
  switch (layout % 4) {
    case 0:
      return { list: values };
    case 1:
      return { byId: Object.fromEntries(kids.map(({ id, value }) => [`k/${id}~`, value])) };
    case 2:
      return { rows: values.map((value, at) => ({ at, cells: ["x", value] })) };
    default:
      return { first: values[0], rest: { list: values.slice(1) }, at: new Date(kids.length) };
  }
}

/** Kinds have different streams, so that one can take the place of another that has none of its own. */
const STREAMS = ["log", "diary"] as const;

function streamOf(kind: number): "log" {
  return (kind === 2 ? "diary" : "log") as "log";
}

/** Three modules, so that an id can change its module; every other one mounts asynchronously. */
const KINDS: readonly AnyStore[] = [0, 1, 2].map((kind) =>
  defineStore(`Random.Kind${kind}`, {
    params: type<Props>(),
    streams: { [streamOf(kind)]: { key: (item: { id: string }) => item.id, limit: -3 } },
    mount: async (ctx, { node }) => {
      ctx.stream(streamOf(kind)).insert({ id: `born ${node.label}` });
      if (kind === 1) await new Promise((resolve) => setImmediate(resolve));
      return { own: 0, id: node.id };
    },
    render: ({ own }, { params, callback }) => ({
      kind,
      own,
      tint: params.tint,
      label: params.node.label,
      log: stream(streamOf(kind)),
      ...layOut(params.node.layout, place(params.node.kids, params.tint, params.onShout)),
      unused: callback.length,
    }),
    commands: {
      own: command(v.object({ fail: v.boolean() }), async (ctx, { fail }) => {
        ctx.assign({ own: ctx.assigns.own + 1 });
        ctx.stream(streamOf(kind)).insert({ id: `own ${ctx.assigns.own}` });
        if (fail) throw new Error("on purpose");
      }),
      shout: command(v.object({ word: v.string() }), (ctx, { word }) => {
        ctx.assign({ own: ctx.assigns.own + 100 });
        ctx.params.onShout(word);
      }),
    },
  }),
);

function place(kids: readonly Node[], tint: string, onShout: Props["onShout"]): { id: string; value: unknown }[] {
  return kids.map((node) => {
    const store = KINDS[node.kind] as Store<string, unknown, Props>;
    return { id: node.id, value: child(store, { id: node.id, node, tint, onShout }) };
  });
}

let planted: Node = { id: "", kind: 0, label: "", layout: 0, kids: [] };

const Top = defineStore("Random.Top", {
  mount: () => ({ tree: planted, tint: "red", words: [] as readonly string[] }),
  render: ({ tree, tint, words }, { callback }) => ({
    words,
    label: tree.label,
    ...layOut(
      tree.layout,
      place(
        tree.kids,
        tint,
        callback((ctx, word: string) => ctx.assign({ words: [...ctx.assigns.words, word] })),
      ),
    ),
  }),
  commands: {
    grow: command(type<{ tint: string; fail: boolean }>(), (ctx, { tint, fail }) => {
      ctx.assign({ tree: planted, tint });
      if (fail) throw new Error("on purpose");
    }),
  },
});

function randomKids(dice: Dice, depth: number): Node[] {
  const kids = new Map<string, Node>();
  const count = depth === 0 ? 0 : dice.below(5);
  for (let at = 0; at < count; at++) {
    const id = `n${dice.below(8)}`;
    kids.set(id, randomNode(dice, id, depth));
  }
  return [...kids.values()];
}

function randomNode(dice: Dice, id: string, depth: number): Node {
  const [kind, layout] = [dice.below(3), dice.below(4)];
  return { id, kind, layout, label: `l${dice.below(3)}`, kids: randomKids(dice, depth - 1) };
}

/** The same tree with something changed: a label, a layout, the order, or whole branches. Unchanged parts are kept. */
function mutate(dice: Dice, node: Node, depth: number): Node {
  if (dice.chance(20)) return { ...node, label: `l${dice.below(3)}` };
  if (dice.chance(10)) return { ...node, layout: dice.below(4) };
  if (dice.chance(15)) return { ...node, kids: [...node.kids].sort(() => dice.below(3) - 1) };
  if (dice.chance(20)) return { ...node, kids: node.kids.filter(() => dice.chance(70)) };
  if (dice.chance(20)) return { ...node, kids: randomKids(dice, depth) };
  return { ...node, kids: node.kids.map((kid) => (dice.chance(50) ? mutate(dice, kid, depth - 1) : kid)) };
}

/** What the test knows of each store that is in the tree. */
interface Known {
  readonly kind: number;
  own: number;
  log: string[];
}

class Book {
  stores = new Map<string, Known>();
  words: string[] = [];
  tint = "red";
  tree: Node = planted;

  /** Stores that came or went with the tree. */
  follow(): void {
    const next = new Map<string, Known>();
    const visit = (node: Node, parent: StoreId): void => {
      const id = [...parent, node.id];
      const held = this.stores.get(storeIdKey(id));
      const parentIsNew = parent.length > 0 && next.get(storeIdKey(parent)) !== this.stores.get(storeIdKey(parent));
      const kept = held !== undefined && held.kind === node.kind && !parentIsNew;
      next.set(storeIdKey(id), kept ? held : { kind: node.kind, own: 0, log: [`born ${node.label}`] });
      for (const kid of node.kids) visit(kid, id);
    };
    for (const kid of this.tree.kids) visit(kid, []);
    this.stores = next;
  }

  /** The whole tree, rendered afresh. */
  render(): JsonValue {
    const visit = (node: Node, parent: StoreId): { id: string; value: unknown } => {
      const id = [...parent, node.id];
      const { kind, own } = this.stores.get(storeIdKey(id)) as Known;
      const kids = node.kids.map((kid) => visit(kid, id));
      const value = {
        [STORE_ID_KEY]: id,
        kind,
        own,
        tint: this.tint,
        label: node.label,
        log: { __musubi_stream__: streamOf(kind) },
        ...layOut(node.layout, kids),
        unused: 1,
      };
      return { id: node.id, value };
    };
    const kids = this.tree.kids.map((kid) => visit(kid, []));
    const root = { [STORE_ID_KEY]: [], words: this.words, label: this.tree.label, ...layOut(this.tree.layout, kids) };
    return JSON.parse(JSON.stringify(root)) as JsonObject;
  }

  random(dice: Dice): { readonly id: StoreId; readonly known: Known } | null {
    const all = [...this.stores];
    const pick = all[dice.below(Math.max(1, all.length))];
    return pick === undefined ? null : { id: JSON.parse(pick[0]) as StoreId, known: pick[1] };
  }
}

/** With `isSlow` the client's socket falls behind and catches up again, in the middle of messages too. */
async function run(seed: number, isSlow: boolean): Promise<void> {
  const dice = new Dice(seed);
  planted = randomNode(dice, "top", 4);
  const server = new StoreServer([Top]);
  const client = await server.connect();
  const root = await client.mount("Random.Top");
  const book = new Book();
  book.tree = planted;
  book.follow();
  for (let step = 0; step < 30; step++) {
    const fail = dice.chance(15);
    const target = book.random(dice);
    if (isSlow && dice.chance(40)) client.line.unsentBytes = Number.POSITIVE_INFINITY;
    const dispatch = (name: string, payload: JsonValue, storeId: StoreId = []): Promise<unknown> => {
      const reply = client.command(root, name, payload, storeId);
      if (dice.chance(20)) client.line.drain();
      else if (dice.chance(10)) setImmediate(() => client.line.drain());
      return reply;
    };
    if (target === null || dice.chance(40)) {
      const before = planted;
      planted = mutate(dice, planted, 4);
      const tint = dice.chance(20) ? `tint ${step}` : book.tint;
      await dispatch("grow", { tint, fail });
      if (fail) {
        planted = before;
      } else {
        book.tree = planted;
        book.tint = tint;
        book.follow();
      }
    } else if (dice.chance(50)) {
      await dispatch("own", { fail }, target.id);
      if (!fail) {
        target.known.own += 1;
        target.known.log = [...target.known.log, `own ${target.known.own}`].slice(-3);
      }
    } else {
      await dispatch("shout", { word: `w${step}` }, target.id);
      target.known.own += 100;
      book.words.push(`w${step}`);
    }
    await turns(1);
    if (step === 29) client.line.drain();
    // What is held will show in a later step.
    if (server.registry.inspect()[0]?.isHolding === true) continue;
    expect(client.tree(root)).toEqual(book.render());
    for (const [key, { kind, log }] of book.stores) {
      for (const name of STREAMS) {
        const items = client.items(root, name, JSON.parse(key) as StoreId);
        expect(items.map((item) => (item as { id: string }).id)).toEqual(name === streamOf(kind) ? log : []);
      }
    }
  }
  expect(server.registry.inspect()[0]).toMatchObject({ stores: book.stores.size + 1 });
  await client.drop();
}

async function runMany(isSlow: boolean): Promise<void> {
  const first = Number(process.env["MUSUBI_SEED"] ?? Date.now() % 1_000_000);
  for (let seed = first; seed < first + 60; seed++) {
    try {
      await run(seed, isSlow);
    } catch (cause) {
      throw new Error(`run with MUSUBI_SEED=${seed}`, { cause });
    }
  }
}

test("after every message the client's tree equals a fresh full render", () => runMany(false));

test("outlet rule 4: what was held and conflated comes to the same tree and the same streams", () => runMany(true));
