import type { ActivityEntry } from "../shared/activity.js";
import type { Label } from "../shared/board.js";
import type { Database } from "./database.js";
import { GAP } from "./position.js";

type Seeded = readonly [title: string, label: Label, note?: string];

const TITLE = "Lantern festival";

const COLUMNS: readonly (readonly [id: string, title: string, cards: readonly Seeded[]])[] = [
  [
    "ideas",
    "Ideas",
    [
      ["Floating lanterns on the mill pond", "teal", "Ask the fire brigade first. They said maybe last year."],
      ["Shadow theatre for the small ones", "wisteria"],
      ["A quiet hour before the crowd comes", "plain"],
      ["Soup from the school kitchen", "amber"],
    ],
  ],
  [
    "next",
    "Up next",
    [
      ["Order 400 sheets of washi paper", "amber", "60 gsm, cream and persimmon. Delivery takes nine days."],
      ["Find twelve people for the evening shift", "madder", "Seven so far: Ana, Bo, Deniz, Femke, Ilja, Rosa, Tom."],
      ["Test the string lights in the rain", "plain"],
      ["Agree on a rain date", "teal", "The 14th or the 21st. Not the market weekend."],
    ],
  ],
  [
    "doing",
    "In the works",
    [
      ["Lantern workshop at the library", "indigo", "Saturday, ten to four. Bring the good scissors."],
      ["Route map with the steep bits marked", "moss"],
      ["Poster, second draft", "wisteria", "Bigger date, smaller moon."],
    ],
  ],
  [
    "done",
    "Tied up",
    [
      ["Permit from the town hall", "madder", "Signed. A copy is in the blue folder."],
      ["Borrow the brass band's trolley", "moss"],
    ],
  ],
];

const HISTORY: readonly (readonly [minutesAgo: number, Omit<ActivityEntry, "id" | "at">])[] = [
  [212, { name: "Hana", hue: "wisteria", kind: "addColumn", subject: "Tied up", detail: "" }],
  [174, { name: "Joris", hue: "moss", kind: "moveCard", subject: "Permit from the town hall", detail: "Tied up" }],
  [96, { name: "Mira", hue: "madder", kind: "addCard", subject: "Order 400 sheets of washi paper", detail: "Up next" }],
  [
    31,
    { name: "Hana", hue: "wisteria", kind: "labelCard", subject: "Lantern workshop at the library", detail: "indigo" },
  ],
];

/** Fills an empty database with a small board; leaves any other alone. All or nothing. */
export async function seed(database: Database, now: number): Promise<void> {
  await database.transaction().execute(async (tx) => {
    const existing = await tx.selectFrom("board").select("id").executeTakeFirst();
    if (existing !== undefined) return;
    await tx.insertInto("board").values({ id: 1, title: TITLE, revision: now }).execute();
    for (const [columnIndex, [id, title, cards]] of COLUMNS.entries()) {
      await tx
        .insertInto("columns")
        .values({ id, title, position: (columnIndex + 1) * GAP })
        .execute();
      const rows = cards.map(([cardTitle, label, note = ""], index) => {
        return { id: `${id}${index + 1}`, column_id: id, title: cardTitle, note, label, position: (index + 1) * GAP };
      });
      await tx.insertInto("cards").values(rows).execute();
    }
    const entries = HISTORY.map(([minutesAgo, entry]) => ({ ...entry, at: now - minutesAgo * 60_000 }));
    await tx.insertInto("activity").values(entries).execute();
  });
}
