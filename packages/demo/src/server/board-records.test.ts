import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Board, type CardFile, findCard } from "../shared/board.js";
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

const idOf = (number: number): string => number.toString(16).padStart(32, "0");
const fileOf = (number: number): CardFile => ({
  id: idOf(number),
  name: `${number}.txt`,
  type: "text/plain",
  size: number,
});

/** A file whose bytes have arrived for this card. */
async function kept(cardId: string, number: number): Promise<CardFile> {
  await records.keepFile(cardId, fileOf(number));
  return fileOf(number);
}

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
      { kind: "attachFile", cardId: "new1", file: await kept("new1", 1) },
      { kind: "detachFile", cardId: "new1", fileId: idOf(1) },
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
    [{ kind: "attachFile", cardId: "none", file: fileOf(1) }, "card_gone"],
    [{ kind: "attachFile", cardId: "ideas1", file: fileOf(1) }, "file_gone"],
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

describe("the files of a card", () => {
  it("hang there in the order in which they were tied, and come back after their card or they were removed", async () => {
    for (const number of [1, 2, 3]) {
      await records.write(person, { kind: "attachFile", cardId: "ideas1", file: await kept("ideas1", number) });
    }
    const names = async (): Promise<string[] | undefined> =>
      findCard(await records.load(), "ideas1")?.card.files.map(({ name }) => name);
    expect(await names()).toEqual(["1.txt", "2.txt", "3.txt"]);
    await records.write(person, { kind: "detachFile", cardId: "ideas1", fileId: idOf(1) });
    await records.write(person, { kind: "attachFile", cardId: "ideas1", file: fileOf(1) });
    expect(await names()).toEqual(["2.txt", "3.txt", "1.txt"]);
    await records.write(person, { kind: "removeCard", cardId: "ideas1" });
    await records.write(person, { kind: "addCard", cardId: "ideas1", columnId: "ideas", title: "Back" });
    expect(await names()).toEqual([]);
    await records.write(person, { kind: "attachFile", cardId: "ideas1", file: fileOf(3) });
    expect(await names()).toEqual(["3.txt"]);
    expect(await records.forgetLooseFiles()).toEqual(new Set([idOf(3)]));
    expect(await records.file(idOf(1))).toBeUndefined();
  });

  it("are twelve at most, and nobody ties another card's file to theirs", async () => {
    for (let number = 1; number <= 12; number += 1) {
      await records.write(person, { kind: "attachFile", cardId: "ideas1", file: await kept("ideas1", number) });
    }
    const refusalOf = async (cardId: string, number: number): Promise<unknown> =>
      records
        .write(person, { kind: "attachFile", cardId, file: await kept(cardId, number) })
        .catch((error: unknown) => error);
    expect(await refusalOf("ideas1", 13)).toMatchObject({ reason: "card_full" });
    expect(await refusalOf("ideas2", 1)).toMatchObject({ reason: "file_gone" });
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
    const number = fc.integer({ min: 1, max: 4 });
    for (const [cardIndex, id] of ["ideas1", "ideas2", "new1", "new1"].entries()) await kept(id, cardIndex + 1);
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
      fc.record({ kind: fc.constant("attachFile"), cardId, file: number.map(fileOf) }),
      fc.record({ kind: fc.constant("detachFile"), cardId, fileId: number.map(idOf) }),
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
