import type { Generated } from "kysely";
import type { ActivityEntry } from "../shared/activity.js";
import type { Label } from "../shared/board.js";
import type { Hue } from "../shared/person.js";

/** The database's tables, as Kysely sees them. */
export interface Tables {
  board: {
    id: number;
    title: string;
    /** Grows by one with every edit. Starts at the time of creation, so that an older database's is always lower. */
    revision: number;
  };
  columns: { id: string; title: string; position: number };
  cards: { id: string; column_id: string; title: string; note: string; label: Label; position: number };
  /** `attached` counts up within a card; 0 is a file at no card, which the next start removes. */
  files: { id: string; card_id: string; name: string; type: string; size: number; attached: number; at: number };
  activity: {
    id: Generated<number>;
    at: number;
    name: string;
    hue: Hue;
    kind: ActivityEntry["kind"];
    subject: string;
    detail: string;
  };
}
