import { type JsonValue, STORE_ID_KEY, type StoreId, type StoreNode } from "@musubi/protocol";
import type { Below } from "./random.js";

/**
 * Eight shapes of stores of ten fields each, their id included. Every shape has `title` and `count`, which the ops
 * change, at another position among its own fields.
 */
const SHAPES: readonly ((index: number) => Record<string, JsonValue>)[] = [
  (n) => ({
    title: `Card ${n}`,
    count: n,
    color: "teal",
    done: false,
    owner: `user ${n % 97}`,
    size: { w: 3, h: 4 },
    tags: ["a", "b"],
    note: "",
    rank: n,
  }),
  (n) => ({
    name: `User ${n}`,
    count: n,
    email: `user${n}@example.org`,
    title: "Dr",
    admin: n % 2 === 0,
    seen: null,
    roles: ["reader"],
    locale: "en",
    score: 1.5,
  }),
  (n) => ({
    sku: `SKU-${n}`,
    price: n * 1.25,
    title: `Part ${n}`,
    stock: 12,
    unit: "piece",
    dims: { w: 1, h: 2, d: 3 },
    count: 1,
    photos: [],
    taxed: true,
  }),
  (n) => ({
    at: 1700000000 + n,
    level: "info",
    count: 0,
    title: "Started",
    source: "worker",
    tags: ["x"],
    data: { id: n },
    seen: false,
    pinned: false,
  }),
  (n) => ({
    from: `a${n}`,
    to: `b${n}`,
    subject: "Hello",
    unread: true,
    count: 2,
    size: 2048,
    title: "Mail",
    labels: ["in", "new"],
    flags: { star: false },
  }),
  (n) => ({
    lat: 52.5,
    lng: 13.4,
    title: `Stop ${n}`,
    line: "U8",
    count: 4,
    zone: "AB",
    next: [1, 6, 12],
    alerts: null,
    open: true,
  }),
  (n) => ({
    symbol: `T${n}`,
    bid: 10.5,
    ask: 10.75,
    count: 100,
    halted: false,
    title: "Quote",
    history: [1, 2, 3, 2],
    currency: "EUR",
    venue: "X",
  }),
  (n) => ({
    file: `f${n}.txt`,
    path: "/home",
    bytes: n,
    kind: "text",
    title: "File",
    mode: 420,
    count: 1,
    owner: { id: 7, name: "root" },
    shared: [],
  }),
];

/** The rendering of the `index`-th store, with an id of its own below `list`. */
export function storeOf(list: string, index: number): Record<string, JsonValue> {
  const shape = SHAPES[index % SHAPES.length] as (typeof SHAPES)[number];
  return { __musubi_store_id__: [list, String(index)], ...shape(index) };
}

/** A list of `count` stores. */
export function storesOf(list: string, count: number): JsonValue[] {
  return Array.from({ length: count }, (_, index) => storeOf(list, index));
}

/** A tree whose stores sit in a balanced list of lists, and the path to each of them. */
export interface BenchTree {
  readonly root: JsonValue;
  /** The path of a random store. */
  storePath(below: Below): string;
}

/**
 * A tree of about `stores` stores: a root with a list of groups that each have a list of rows, as many groups as rows.
 * Parsed from text, as a client's tree is.
 */
export function balancedTree(stores: number): BenchTree {
  const width = Math.round(Math.sqrt(stores));
  const groups = Array.from({ length: width }, (_, group) => ({
    __musubi_store_id__: [`g${group}`],
    title: `Group ${group}`,
    collapsed: false,
    rows: Array.from({ length: width }, (__, row) => storeOf(`g${group}`, group * width + row)),
  }));
  const root = { __musubi_store_id__: [], title: "Board", groups, user: { name: "A" } };
  return {
    root: JSON.parse(JSON.stringify(root)) as JsonValue,
    storePath: (below) => `/groups/${below(width)}/rows/${below(width)}`,
  };
}

/** The ids of all rows of a balanced tree, in its order. */
export function rowIdsOf(root: JsonValue): StoreId[] {
  const { groups } = root as unknown as { readonly groups: readonly { readonly rows: readonly StoreNode[] }[] };
  return groups.flatMap(({ rows }) => rows.map((row) => row[STORE_ID_KEY]));
}

/** How many stores the list `inbox` of {@link withInbox} has. */
export const INBOX = 1000;

/** The root with one more list, `inbox`, for children to come into and to leave. */
export function withInbox(root: JsonValue): JsonValue {
  return {
    ...(root as Record<string, JsonValue>),
    inbox: JSON.parse(JSON.stringify(storesOf("inbox", INBOX))) as JsonValue,
  };
}

/** A tree with one list of `children` stores. */
export function wideTree(children: number): BenchTree {
  const root = { __musubi_store_id__: [], title: "Wide", children: storesOf("c", children) };
  return {
    root: JSON.parse(JSON.stringify(root)) as JsonValue,
    storePath: (below) => `/children/${below(children)}`,
  };
}
