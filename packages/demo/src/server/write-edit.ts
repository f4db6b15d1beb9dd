import type { Transaction } from "kysely";
import { MAX_FILES } from "../shared/board.js";
import type { BoardEdit } from "../shared/edit.js";
import { GAP, positionBetween } from "./position.js";
import type { Tables } from "./tables.js";

/** Why an edit cannot be: what it is about has gone, the column still holds cards, or there is no more room. */
export type RefusalReason = "card_gone" | "column_gone" | "file_gone" | "column_not_empty" | "board_full" | "card_full";

/** An edit that the board refuses; its transaction is undone. */
export class EditRefused extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(`The board refused the edit: ${reason}.`);
    this.name = "EditRefused";
    this.reason = reason;
  }
}

/** Cards that the board takes; one more is refused with `board_full`. */
export const MAX_CARDS = 400;
/** Columns that the board takes; one more is refused with `board_full`. */
export const MAX_COLUMNS = 12;

/** What an edit did: a line for the activity feed, or `null` when it is not worth one. */
export interface Written {
  readonly line: { readonly subject: string; readonly detail: string } | null;
}

type Tx = Transaction<Tables>;
type EditOf<Kind extends BoardEdit["kind"]> = Extract<BoardEdit, { kind: Kind }>;

/** Writes one edit; `null` when there was nothing left to do, as with a repeat. Ends in an {@link EditRefused}. */
export function writeEdit(tx: Tx, edit: BoardEdit): Promise<Written | null> {
  switch (edit.kind) {
    case "addCard":
      return addCard(tx, edit);
    case "editCard":
      return editCard(tx, edit);
    case "labelCard":
      return labelCard(tx, edit);
    case "moveCard":
      return moveCard(tx, edit);
    case "removeCard":
      return removeCard(tx, edit);
    case "attachFile":
      return attachFile(tx, edit);
    case "detachFile":
      return detachFile(tx, edit);
    case "addColumn":
      return addColumn(tx, edit);
    case "renameColumn":
      return renameColumn(tx, edit);
    case "moveColumn":
      return moveColumn(tx, edit);
    case "removeColumn":
      return removeColumn(tx, edit);
    default:
      return edit satisfies never;
  }
}

async function addCard(tx: Tx, { cardId, columnId, title }: EditOf<"addCard">): Promise<Written | null> {
  if ((await findCard(tx, cardId)) !== undefined) return null;
  const column = await columnOf(tx, columnId);
  if ((await count(tx, "cards")) >= MAX_CARDS) throw new EditRefused("board_full");
  const position = await placeCard(tx, columnId, cardId, null);
  await tx
    .insertInto("cards")
    .values({ id: cardId, column_id: columnId, title, note: "", label: "plain", position })
    .execute();
  return { line: { subject: title, detail: column.title } };
}

async function editCard(tx: Tx, { cardId, title, note }: EditOf<"editCard">): Promise<Written | null> {
  const card = await cardOf(tx, cardId);
  if (card.title === title && card.note === note) return null;
  await tx.updateTable("cards").set({ title, note }).where("id", "=", cardId).execute();
  return { line: { subject: card.title, detail: card.title === title ? "" : title } };
}

async function labelCard(tx: Tx, { cardId, label }: EditOf<"labelCard">): Promise<Written | null> {
  const card = await cardOf(tx, cardId);
  if (card.label === label) return null;
  await tx.updateTable("cards").set({ label }).where("id", "=", cardId).execute();
  return { line: { subject: card.title, detail: label } };
}

async function moveCard(tx: Tx, { cardId, columnId, beforeId }: EditOf<"moveCard">): Promise<Written> {
  const card = await cardOf(tx, cardId);
  const column = await columnOf(tx, columnId);
  const position = await placeCard(tx, columnId, cardId, beforeId);
  await tx.updateTable("cards").set({ column_id: columnId, position }).where("id", "=", cardId).execute();
  return { line: card.column_id === columnId ? null : { subject: card.title, detail: column.title } };
}

async function removeCard(tx: Tx, { cardId }: EditOf<"removeCard">): Promise<Written | null> {
  const card = await findCard(tx, cardId);
  if (card === undefined) return null;
  await tx.deleteFrom("cards").where("id", "=", cardId).execute();
  await tx.updateTable("files").set({ attached: 0 }).where("card_id", "=", cardId).execute();
  return { line: { subject: card.title, detail: "" } };
}

async function attachFile(tx: Tx, { cardId, file }: EditOf<"attachFile">): Promise<Written | null> {
  const card = await cardOf(tx, cardId);
  const kept = await tx.selectFrom("files").selectAll().where("id", "=", file.id).executeTakeFirst();
  if (kept === undefined || kept.card_id !== cardId) throw new EditRefused("file_gone");
  if (kept.attached > 0) return null;
  const others = tx.selectFrom("files").where("card_id", "=", cardId).where("attached", ">", 0);
  const { total, last } = await others
    .select(({ fn }) => [fn.countAll<number>().as("total"), fn.max("attached").as("last")])
    .executeTakeFirstOrThrow();
  if (total >= MAX_FILES) throw new EditRefused("card_full");
  const attached = (last ?? 0) + 1;
  await tx.updateTable("files").set({ attached }).where("id", "=", file.id).execute();
  return { line: { subject: card.title, detail: kept.name } };
}

async function detachFile(tx: Tx, { cardId, fileId }: EditOf<"detachFile">): Promise<Written | null> {
  const kept = await tx.selectFrom("files").selectAll().where("id", "=", fileId).executeTakeFirst();
  if (kept === undefined || kept.card_id !== cardId || kept.attached === 0) return null;
  await tx.updateTable("files").set({ attached: 0 }).where("id", "=", fileId).execute();
  const card = await findCard(tx, cardId);
  return { line: card === undefined ? null : { subject: card.title, detail: kept.name } };
}

async function addColumn(tx: Tx, { columnId, title }: EditOf<"addColumn">): Promise<Written | null> {
  if ((await findColumn(tx, columnId)) !== undefined) return null;
  if ((await count(tx, "columns")) >= MAX_COLUMNS) throw new EditRefused("board_full");
  const position = await placeColumn(tx, columnId, null);
  await tx.insertInto("columns").values({ id: columnId, title, position }).execute();
  return { line: { subject: title, detail: "" } };
}

async function renameColumn(tx: Tx, { columnId, title }: EditOf<"renameColumn">): Promise<Written | null> {
  const column = await columnOf(tx, columnId);
  if (column.title === title) return null;
  await tx.updateTable("columns").set({ title }).where("id", "=", columnId).execute();
  return { line: { subject: column.title, detail: title } };
}

async function moveColumn(tx: Tx, { columnId, beforeId }: EditOf<"moveColumn">): Promise<Written> {
  await columnOf(tx, columnId);
  const position = await placeColumn(tx, columnId, beforeId);
  await tx.updateTable("columns").set({ position }).where("id", "=", columnId).execute();
  return { line: null };
}

async function removeColumn(tx: Tx, { columnId }: EditOf<"removeColumn">): Promise<Written | null> {
  const column = await findColumn(tx, columnId);
  if (column === undefined) return null;
  const held = await tx.selectFrom("cards").select("id").where("column_id", "=", columnId).executeTakeFirst();
  if (held !== undefined) throw new EditRefused("column_not_empty");
  await tx.deleteFrom("columns").where("id", "=", columnId).execute();
  return { line: { subject: column.title, detail: "" } };
}

function findCard(tx: Tx, id: string) {
  return tx.selectFrom("cards").selectAll().where("id", "=", id).executeTakeFirst();
}

async function cardOf(tx: Tx, id: string) {
  const card = await findCard(tx, id);
  if (card === undefined) throw new EditRefused("card_gone");
  return card;
}

function findColumn(tx: Tx, id: string) {
  return tx.selectFrom("columns").selectAll().where("id", "=", id).executeTakeFirst();
}

async function columnOf(tx: Tx, id: string) {
  const column = await findColumn(tx, id);
  if (column === undefined) throw new EditRefused("column_gone");
  return column;
}

async function count(tx: Tx, table: "cards" | "columns"): Promise<number> {
  const row = await tx
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as("total"))
    .executeTakeFirstOrThrow();
  return row.total;
}

async function placeCard(tx: Tx, columnId: string, cardId: string, beforeId: string | null): Promise<number> {
  const others = await tx
    .selectFrom("cards")
    .select(["id", "position"])
    .where("column_id", "=", columnId)
    .where("id", "!=", cardId)
    .orderBy("position")
    .execute();
  return place(tx, "cards", others, beforeId);
}

async function placeColumn(tx: Tx, columnId: string, beforeId: string | null): Promise<number> {
  const others = await tx
    .selectFrom("columns")
    .select(["id", "position"])
    .where("id", "!=", columnId)
    .orderBy("position")
    .execute();
  return place(tx, "columns", others, beforeId);
}

/** A position before the neighbour called `beforeId`, or at the end; numbers the list anew when it is out of room. */
async function place(
  tx: Tx,
  table: "cards" | "columns",
  others: readonly { readonly id: string; readonly position: number }[],
  beforeId: string | null,
): Promise<number> {
  const found = others.findIndex((other) => other.id === beforeId);
  const index = found === -1 ? others.length : found;
  const position = positionBetween(others[index - 1]?.position, others[index]?.position);
  if (position !== null) return position;
  const anew = others.map((other, at) => ({ id: other.id, position: (at + 1) * GAP }));
  for (const row of anew)
    await tx.updateTable(table).set({ position: row.position }).where("id", "=", row.id).execute();
  return place(tx, table, anew, beforeId);
}
