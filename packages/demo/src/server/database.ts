import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, Migrator, SqliteDialect } from "kysely";
import Sqlite from "libsql";
import { migrations } from "./migrations.js";
import { seed } from "./seed.js";
import type { Tables } from "./tables.js";

/** The demo's database. */
export type Database = Kysely<Tables>;

/**
 * Opens the SQLite file, which is made (with its folder) and seeded when it is missing, and brings its tables up to
 * date.
 *
 * WAL with `synchronous=FULL`: a commit is on the disk before it is acknowledged, so that neither `kill -9` nor a
 * power cut takes back what someone was told. `close` it with `destroy()`.
 */
export async function openDatabase(file: string, now: () => number = Date.now): Promise<Database> {
  mkdirSync(dirname(file), { recursive: true });
  const sqlite = new Sqlite(file);
  sqlite.pragma("journal_mode = WAL");
  sqlite.pragma("synchronous = FULL");
  sqlite.pragma("foreign_keys = ON");
  sqlite.pragma("busy_timeout = 5000");
  const database: Database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
  try {
    await migrate(database);
    await seed(database, now());
  } catch (cause) {
    await database.destroy();
    throw cause;
  }
  return database;
}

async function migrate(database: Database): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw new Error("The demo's database could not be brought up to date.", { cause: error });
}
