import { INSIGHT_HOURS, type Insights } from "../shared/insights.js";
import type { Database } from "./database.js";

const HOUR_MS = 3_600_000;
const PEOPLE_SHOWN = 5;

/** Counts what the board has been up to until `now`, in milliseconds since 1970. */
export async function countInsights(database: Database, now: number): Promise<Insights> {
  const since = now - INSIGHT_HOURS * HOUR_MS;
  const columns = await database
    .selectFrom("columns")
    .leftJoin("cards", "cards.column_id", "columns.id")
    .select(({ fn }) => ["columns.title", fn.count<number>("cards.id").as("cards")])
    .groupBy("columns.id")
    .orderBy("columns.position")
    .execute();
  const { files } = await database
    .selectFrom("files")
    .where("attached", ">", 0)
    .select(({ fn }) => fn.countAll<number>().as("files"))
    .executeTakeFirstOrThrow();
  const people = await database
    .selectFrom("activity")
    .where("at", ">", since)
    // With one max() SQLite takes the other columns from the row that has it: the colour they go by now.
    .select(({ fn }) => ["name", "hue", fn.countAll<number>().as("changes"), fn.max("id").as("latest")])
    .groupBy("name")
    .orderBy("changes", "desc")
    .orderBy("name")
    .limit(PEOPLE_SHOWN)
    .execute();
  const times = await database.selectFrom("activity").where("at", ">", since).select("at").execute();
  const hours = Array.from({ length: INSIGHT_HOURS }, () => 0);
  for (const { at } of times) {
    const index = Math.min(INSIGHT_HOURS - 1, Math.floor((at - since) / HOUR_MS));
    hours[index] = (hours[index] ?? 0) + 1;
  }
  return { columns, files, hours, people: people.map(({ name, hue, changes }) => ({ name, hue, changes })) };
}
