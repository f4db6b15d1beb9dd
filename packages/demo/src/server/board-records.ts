import type { ActivityEntry } from "../shared/activity.js";
import type { Board, CardFile } from "../shared/board.js";
import type { BoardEdit } from "../shared/edit.js";
import type { Person } from "../shared/person.js";
import type { Database } from "./database.js";
import { type Written, writeEdit } from "./write-edit.js";

/** Topic on which every committed edit is told, as a {@link CommittedEdit}, in the order of revisions. */
export const BOARD_TOPIC = "demo:board";
/** Topic on which every new line of the activity feed is told, as an `ActivityEntry`. */
export const ACTIVITY_TOPIC = "demo:activity";

/** The board as it was at one revision. */
export interface BoardRecord extends Board {
  readonly title: string;
  readonly revision: number;
}

/** An edit that is in the database: the board of `revision` is the one before with `edit` applied. */
export interface CommittedEdit {
  readonly revision: number;
  readonly edit: BoardEdit;
}

/** What {@link BoardRecords} needs. */
export interface BoardRecordsOptions {
  readonly database: Database;
  /** Tells everyone who listens on `topic`; called after the commit, never before. */
  readonly publish: (topic: string, message: unknown) => void;
  readonly now: () => number;
}

/**
 * The board in the database, and who hears of its changes.
 *
 * Edits are written one at a time: each is committed, then told, then the next begins. So revisions are told in
 * order and without gaps, and nobody hears of an edit that a crash could take back.
 */
export class BoardRecords {
  readonly #options: BoardRecordsOptions;
  /** Settles, without an error, when the last edit asked for has been written and told. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: BoardRecordsOptions) {
    this.#options = options;
  }

  /** The whole board, read at one revision. */
  load(): Promise<BoardRecord> {
    return this.#options.database.transaction().execute(async (tx) => {
      const { title, revision } = await tx.selectFrom("board").select(["title", "revision"]).executeTakeFirstOrThrow();
      const columns = await tx.selectFrom("columns").selectAll().orderBy("position").execute();
      const cards = await tx.selectFrom("cards").selectAll().orderBy("position").execute();
      const files = await tx.selectFrom("files").selectAll().where("attached", ">", 0).orderBy("attached").execute();
      const filesOf = (cardId: string): CardFile[] =>
        files.filter((file) => file.card_id === cardId).map(({ id, name, type, size }) => ({ id, name, type, size }));
      return {
        title,
        revision,
        columns: columns.map((column) => ({
          id: column.id,
          title: column.title,
          cards: cards
            .filter((card) => card.column_id === column.id)
            .map(({ id, title: cardTitle, note, label }) => ({
              id,
              title: cardTitle,
              note,
              label,
              files: filesOf(id),
            })),
        })),
      };
    });
  }

  /** The latest lines of the activity feed, newest first, and how many there have ever been. */
  async recentActivity(limit: number): Promise<readonly ActivityEntry[]> {
    const rows = await this.#options.database
      .selectFrom("activity")
      .selectAll()
      .orderBy("id", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => ({ ...row, id: String(row.id) }));
  }

  /** A file by its id, with the card it was sent to; `undefined` when there is none. */
  async file(id: string): Promise<(CardFile & { readonly cardId: string }) | undefined> {
    const row = await this.#options.database.selectFrom("files").selectAll().where("id", "=", id).executeTakeFirst();
    return row && { id, name: row.name, type: row.type, size: row.size, cardId: row.card_id };
  }

  /** Notes a file whose bytes are on the disk; `attachFile` hangs it at its card. Again with the same id: nothing. */
  async keepFile(cardId: string, { id, name, type, size }: CardFile): Promise<void> {
    await this.#options.database
      .insertInto("files")
      .values({ id, card_id: cardId, name, type, size, attached: 0, at: this.#options.now() })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
  }

  /** Forgets files that hang at no card, and names those that stay. */
  async forgetLooseFiles(): Promise<ReadonlySet<string>> {
    const { database } = this.#options;
    await database.deleteFrom("files").where("attached", "=", 0).execute();
    return new Set((await database.selectFrom("files").select("id").execute()).map(({ id }) => id));
  }

  /** Whether the board has this card. */
  async hasCard(id: string): Promise<boolean> {
    const found = await this.#options.database.selectFrom("cards").select("id").where("id", "=", id).executeTakeFirst();
    return found !== undefined;
  }

  /**
   * Writes an edit and tells it. Resolves, when it is on the disk, with the revision that holds it: the present one
   * when there was nothing to change. Rejects with an `EditRefused`.
   */
  write(person: Person, edit: BoardEdit): Promise<number> {
    const written = this.#tail.then(() => this.#write(person, edit));
    this.#tail = written.catch(() => {});
    return written;
  }

  async #write(person: Person, edit: BoardEdit): Promise<number> {
    const { database, publish, now } = this.#options;
    const committed = await database.transaction().execute(async (tx) => {
      const written = await writeEdit(tx, edit);
      const board = tx.updateTable("board").set((eb) => ({ revision: eb("revision", "+", written === null ? 0 : 1) }));
      const { revision } = await board.returning("revision").executeTakeFirstOrThrow();
      if (written === null) return { revision, isNew: false, entry: null };
      const line = lineOf(written, person, edit, now());
      if (line === null) return { revision, isNew: true, entry: null };
      const { id } = await tx.insertInto("activity").values(line).returning("id").executeTakeFirstOrThrow();
      return { revision, isNew: true, entry: { ...line, id: String(id) } };
    });
    if (committed.isNew) publish(BOARD_TOPIC, { revision: committed.revision, edit } satisfies CommittedEdit);
    if (committed.entry !== null) publish(ACTIVITY_TOPIC, committed.entry satisfies ActivityEntry);
    return committed.revision;
  }
}

function lineOf(written: Written, person: Person, edit: BoardEdit, at: number): Omit<ActivityEntry, "id"> | null {
  if (written.line === null) return null;
  return { at, name: person.name, hue: person.hue, kind: edit.kind, ...written.line };
}
