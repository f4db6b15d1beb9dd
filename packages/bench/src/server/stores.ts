import { type AnyStore, child, defineStore, type } from "@musubi/server";

/** A row as the "database" has it. */
export interface RowData {
  readonly id: string;
  readonly n: number;
}

interface GroupData {
  readonly id: string;
  readonly rows: readonly RowData[];
}

/** A store of ten fields, its id included; one of them is its own. */
const Row = defineStore("Bench.Row", {
  params: type<{ row: RowData }>(),
  mount: () => ({ count: 0 }),
  render: ({ count }, { params: { row } }) => ({
    title: `Card ${row.n}`,
    count,
    color: "teal",
    done: false,
    owner: `user ${row.n % 97}`,
    size: { w: 3, h: 4 },
    tags: ["a", "b"],
    note: "",
    rank: row.n,
  }),
});

const Group = defineStore("Bench.Group", {
  params: type<{ group: GroupData }>(),
  mount: () => ({}),
  render: (_assigns, { params: { group } }) => ({
    title: `Group ${group.id}`,
    collapsed: false,
    rows: group.rows.map((row) => child(Row, { id: row.id, row })),
  }),
});

const rowsOf = (from: number, to: number): RowData[] =>
  Array.from({ length: to - from }, (_, at) => ({ id: `r${from + at}`, n: from + at }));

/** How many groups, and rows in each, make about so many stores. */
export const widthOf = (stores: number): number => Math.round(Math.sqrt(stores));

/** A balanced list of lists; its id says how many stores it has. */
const Balanced = defineStore("Bench.Balanced", {
  mount: ({ id }) => {
    const width = widthOf(Number(id));
    const groups = Array.from({ length: width }, (_, at) => ({
      id: `g${at}`,
      rows: rowsOf(at * width, (at + 1) * width),
    }));
    return { title: "", groups };
  },
  render: ({ title, groups }) => ({
    title,
    user: { name: "A" },
    groups: groups.map((group) => child(Group, { id: group.id, group })),
  }),
});

/** One list of stores below the root. */
const Flat = defineStore("Bench.Flat", {
  mount: ({ id }) => ({ title: "", rows: rowsOf(0, Number(id)) }),
  render: ({ title, rows }) => ({
    title,
    user: { name: "A" },
    rows: rows.map((row) => child(Row, { id: row.id, row })),
  }),
});

export const STORES: readonly AnyStore[] = [Balanced, Flat];
export { rowsOf };
