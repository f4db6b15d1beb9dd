import type { Kysely, Migration } from "kysely";

/** The database's history, oldest first. Names sort; what has been released is never changed. */
export const migrations: Record<string, Migration> = {
  "001-board": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("board")
        .addColumn("id", "integer", (column) => column.primaryKey())
        .addColumn("title", "text", (column) => column.notNull())
        .addColumn("revision", "integer", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("columns")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("title", "text", (column) => column.notNull())
        .addColumn("position", "real", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("cards")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("column_id", "text", (column) => column.notNull().references("columns.id"))
        .addColumn("title", "text", (column) => column.notNull())
        .addColumn("note", "text", (column) => column.notNull())
        .addColumn("label", "text", (column) => column.notNull())
        .addColumn("position", "real", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("cards_in_column").on("cards").columns(["column_id", "position"]).execute();
    },
  },
  "002-activity": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("activity")
        .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
        .addColumn("at", "integer", (column) => column.notNull())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("hue", "text", (column) => column.notNull())
        .addColumn("kind", "text", (column) => column.notNull())
        .addColumn("subject", "text", (column) => column.notNull())
        .addColumn("detail", "text", (column) => column.notNull())
        .execute();
    },
  },
  "003-files": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("files")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("card_id", "text", (column) => column.notNull())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("type", "text", (column) => column.notNull())
        .addColumn("size", "integer", (column) => column.notNull())
        .addColumn("attached", "integer", (column) => column.notNull())
        .addColumn("at", "integer", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("files_of_card").on("files").columns(["card_id", "at"]).execute();
    },
  },
};
