import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Board } from "../shared/board.js";
import { applyEdit, type BoardEdit } from "../shared/edit.js";
import type { Person } from "../shared/person.js";
import { ACTIVITY_TOPIC, BOARD_TOPIC, BoardRecords, type CommittedEdit } from "./board-records.js";
import { type Database, openDatabase } from "./database.js";
import { EditRefused } from "./write-edit.js";

const person: Person = { id: "p1", name: "Ana", hue: "moss" };
const NOW = 1_800_000_000_000;

let folder: string;
let database: Database;
let records: BoardRecords;
let told: { topic: string; message: unknown }[];

async function open(): Promise<void> {
  database = await openDatabase(join(folder, "nested", "board.db"), () => NOW);
  told = [];
  records = new BoardRecords({
    database,
    publish: (topic, message) => told.push({ topic, message }),
    now: () => NOW,
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "musubi-demo-"));
  await open();
});

afterEach(async () => {
  await database.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const titles = (board: Board, columnId: string): string[] | undefined =>
  board.columns.find((column) => column.id === columnId)?.cards.map((card) => card.title);

describe("the database", () => {
  it("is made with its folder, seeded once, and runs with WAL and synchronous=FULL", async () => {
    const board = await records.load();
    expect(board.title).toBe("Lantern festival");
    expect(board.columns.map((column) => column.title)).toEqual(["Ideas", "Up next", "In the works", "Tied up"]);
    expect(board.revision).toBe(NOW);
    expect(await records.recentActivity(40)).toHaveLength(4);
    await database.destroy();
    await open();
    expect(await records.load()).toEqual(board);
    expect(await records.recentActivity(40)).toHaveLength(4);
  });

  it("keeps what was written over a restart, and does not seed again what people emptied", async () => {
    const before = await records.load();
    for (const card of before.columns.flatMap((column) => column.cards)) {
      await records.write(person, { kind: "removeCard", cardId: card.id });
    }
    for (const column of before.columns) await records.write(person, { kind: "removeColumn", columnId: column.id });
    await records.write(person, { kind: "addColumn", columnId: "later", title: "Later" });
    const written = await records.load();
    await database.destroy();
    await open();
    expect(await records.load()).toEqual(written);
    expect(written.columns).toEqual([{ id: "later", title: "Later", cards: [] }]);
  });
});

describe("an edit", () => {
  it("is told after its commit, with the next revision and a line for the feed", async () => {
    const edit: BoardEdit = { kind: "moveCard", cardId: "ideas2", columnId: "next", beforeId: "next2" };
    expect(await records.write(person, edit)).toBe(NOW + 1);
    const [change, line] = told;
    expect(change).toEqual({ topic: BOARD_TOPIC, message: { revision: NOW + 1, edit } });
    expect(line?.topic).toBe(ACTIVITY_TOPIC);
    expect(line?.message).toMatchObject({ name: "Ana", kind: "moveCard", detail: "Up next" });
    expect((await records.recentActivity(1))[0]).toEqual(line?.message);
    const board = await records.load();
    expect(titles(board, "next")?.[1]).toBe("Shadow theatre for the small ones");
    expect(titles(board, "ideas")).toHaveLength(3);
  });

  it("that says what is there already changes nothing and is not told: edits may be sent again", async () => {
    const edits: BoardEdit[] = [
      { kind: "addCard", cardId: "new1", columnId: "ideas", title: "Once" },
      { kind: "editCard", cardId: "new1", title: "Once", note: "only" },
      { kind: "labelCard", cardId: "new1", label: "teal" },
      { kind: "addColumn", columnId: "col1", title: "Column" },
      { kind: "renameColumn", columnId: "col1", title: "Renamed" },
      { kind: "removeColumn", columnId: "col1" },
    ];
    for (const edit of edits) {
      const revision = await records.write(person, edit);
      const count = told.length;
      expect(await records.write(person, edit)).toBe(revision);
      expect(told).toHaveLength(count);
    }
    await records.write(person, { kind: "removeCard", cardId: "new1" });
    const { revision } = await records.load();
    expect(await records.write(person, { kind: "removeCard", cardId: "new1" })).toBe(revision);
  });

  it.each<[BoardEdit, string]>([
    [{ kind: "editCard", cardId: "none", title: "x", note: "" }, "card_gone"],
    [{ kind: "labelCard", cardId: "none", label: "teal" }, "card_gone"],
    [{ kind: "moveCard", cardId: "none", columnId: "ideas", beforeId: null }, "card_gone"],
    [{ kind: "moveCard", cardId: "ideas1", columnId: "none", beforeId: null }, "column_gone"],
    [{ kind: "addCard", cardId: "new1", columnId: "none", title: "x" }, "column_gone"],
    [{ kind: "renameColumn", columnId: "none", title: "x" }, "column_gone"],
    [{ kind: "moveColumn", columnId: "none", beforeId: null }, "column_gone"],
    [{ kind: "removeColumn", columnId: "ideas" }, "column_not_empty"],
  ])("that cannot be is refused whole: %j", async (edit, reason) => {
    const before = await records.load();
    const refusal = await records.write(person, edit).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(EditRefused);
    expect(refusal).toMatchObject({ reason });
    expect(await records.load()).toEqual(before);
    expect(told).toEqual([]);
    await expect(records.write(person, { kind: "removeCard", cardId: "ideas1" })).resolves.toBe(NOW + 1);
  });

  it("is refused when the board is full", async () => {
    for (let index = 0; index < 8; index += 1) {
      await records.write(person, { kind: "addColumn", columnId: `more${index}`, title: "More" });
    }
    const refusal = records.write(person, { kind: "addColumn", columnId: "toomany", title: "One too many" });
    await expect(refusal).rejects.toMatchObject({ reason: "board_full" });
  });
});

describe("the order of cards", () => {
  it("survives moves into one gap beyond what a fraction can hold", async () => {
    for (let turn = 0; turn < 120; turn += 1) {
      const cardId = turn % 2 === 0 ? "ideas1" : "ideas3";
      await records.write(person, { kind: "moveCard", cardId, columnId: "ideas", beforeId: "ideas2" });
    }
    const board = await records.load();
    expect(board.columns[0]?.cards.map((card) => card.id)).toEqual(["ideas1", "ideas3", "ideas2", "ideas4"]);
  });

  it("is the same in the database and in every board that applies what it is told", async () => {
    const cardIds = ["ideas1", "ideas2", "ideas3", "next1", "next2", "doing1", "new1", "new2"];
    const columnIds = ["ideas", "next", "doing", "col1"];
    const cardId = fc.constantFrom(...cardIds);
    const columnId = fc.constantFrom(...columnIds);
    const title = fc.string({ minLength: 1, maxLength: 12 });
    const edit: fc.Arbitrary<BoardEdit> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("moveCard"), cardId, columnId, beforeId: fc.option(cardId) }),
      },
      fc.record({ kind: fc.constant("addCard"), cardId, columnId, title }),
      fc.record({ kind: fc.constant("editCard"), cardId, title, note: title }),
      fc.record({ kind: fc.constant("labelCard"), cardId, label: fc.constantFrom("teal", "amber") }),
      fc.record({ kind: fc.constant("removeCard"), cardId }),
      fc.record({ kind: fc.constant("addColumn"), columnId, title }),
      fc.record({ kind: fc.constant("renameColumn"), columnId, title }),
      fc.record({ kind: fc.constant("moveColumn"), columnId, beforeId: fc.option(columnId) }),
      fc.record({ kind: fc.constant("removeColumn"), columnId }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 25 }), async (edits) => {
        const start = await records.load();
        told = [];
        await Promise.all(edits.map((one) => records.write(person, one).catch(() => undefined)));
        const changes = told
          .filter(({ topic }) => topic === BOARD_TOPIC)
          .map(({ message }) => message as CommittedEdit);
        expect(changes.map(({ revision }) => revision)).toEqual(changes.map((_, index) => start.revision + index + 1));
        const applied = changes.reduce<Board>((board, change) => applyEdit(board, change.edit), start);
        expect((await records.load()).columns).toEqual(applied.columns);
      }),
      { numRuns: 40 },
    );
  });
});
