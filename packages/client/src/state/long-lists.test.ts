import type { PatchOp } from "@musubi/protocol";
import { eventually, FakeClock, ScriptedServer, SeededRandom } from "@musubi/testing";
import { expect, test } from "vitest";
import { type AnyRegistry, connect } from "../index.js";

interface Row {
  readonly votes: number;
  snapshot(): unknown;
}
interface Board {
  readonly rows: readonly Row[];
  readonly others: readonly Row[];
  readonly plain: readonly number[];
  snapshot(): unknown;
}
type Lists = Record<"rows" | "others", { __musubi_store_id__: string[]; votes: number; tags: unknown[] }[]> & {
  plain: number[];
};

const SEED = 20_261_121;
let made = 0;
const rowOf = (list: string) => ({ __musubi_store_id__: [list, `${made}`], votes: made++, tags: ["x"] });
const listOf = <T>(make: () => T): T[] => Array.from({ length: 40 }, make);

/** A change of one list, done to `lists` as well. */
function changeOf(lists: Lists, random: SeededRandom): PatchOp {
  const name = random.pick(["rows", "others"] as const);
  const list = lists[name];
  const at = random.integer(0, list.length - 1);
  const kind = random.integer(0, 3);
  if (kind === 0) {
    const value = rowOf(name);
    list.splice(at, 0, value);
    return { op: "add", path: `/${name}/${at}`, value: structuredClone(value) as never };
  }
  if (kind === 1) {
    list.splice(at, 1);
    return { op: "remove", path: `/${name}/${at}` };
  }
  if (kind === 2) {
    lists.plain[at % 40] = made;
    return { op: "replace", path: `/plain/${at % 40}`, value: made++ };
  }
  (list[at] as { votes: number }).votes = made;
  return { op: "replace", path: `/${name}/${at}/votes`, value: made++ };
}

test(`rule 11: long lists read as they are after each change, and what did not change keeps its identity (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED);
  const lists: Lists = {
    rows: listOf(() => rowOf("rows")),
    others: listOf(() => rowOf("others")),
    plain: listOf(() => 0),
  };
  const server = new ScriptedServer().store("Board", () => structuredClone(lists) as never);
  const socket = server.createSocket();
  const connection = await connect<AnyRegistry>(socket, { clock: new FakeClock() });
  const { store } = await connection.mountStore({ module: "Board", id: "1" });
  const board = store as unknown as Board;
  const plainOf = (row: object): object => ({ ...row, __musubi_store_id__: undefined });
  let before = board.snapshot() as Lists;
  for (let step = 0; step < 300; step++) {
    const op = changeOf(lists, random);
    server.patch("Board:1", [op]);
    await eventually(() => board.snapshot() !== before);
    const after = board.snapshot() as Lists;
    // Some changes come in between two readings of the proxies.
    if (random.chance(0.5)) {
      for (const name of ["rows", "others"] as const) {
        expect(board[name].map((row) => row.votes)).toEqual(lists[name].map(({ votes }) => votes));
        expect(board[name].map((row) => row.snapshot())).toEqual(after[name]);
      }
    }
    expect(after.plain).toEqual(lists.plain);
    for (const name of ["rows", "others"] as const) {
      expect(after[name].map(plainOf)).toEqual(lists[name].map(plainOf));
      const isKept = !op.path.startsWith(`/${name}`);
      if (isKept) expect(after[name]).toBe(before[name]);
      const news = after[name].filter((row) => !before[name].includes(row));
      expect(news.length).toBe(isKept || op.op === "remove" ? 0 : 1);
    }
    before = after;
  }
  await connection.disconnect();
  socket.disconnect();
});
