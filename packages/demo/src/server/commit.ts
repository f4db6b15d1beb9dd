import type { BoardEdit } from "../shared/edit.js";
import type { Insights } from "../shared/insights.js";
import type { Person } from "../shared/person.js";
import type { BoardRecords } from "./board-records.js";
import type { FileShelf } from "./file-shelf.js";
import type { People } from "./people.js";
import { EditRefused } from "./write-edit.js";

/** What the stores of the demo work on. */
export interface Services {
  readonly records: BoardRecords;
  readonly people: People;
  readonly shelf: FileShelf;
  /** Counts what the board has been up to. */
  readonly countInsights: () => Promise<Insights>;
}

/** What {@link commit} needs of a command's context. */
export interface CommitContext {
  readonly user: Person;
  reject(reason: string): never;
}

/** The reply to every edit: the revision that holds it. A page has caught up when it shows that one or a later. */
export interface CommitReply {
  readonly revision: number;
}

/** Writes an edit on behalf of a command; a refused one becomes the command's error reply. */
export async function commit(services: Services, ctx: CommitContext, edit: BoardEdit): Promise<CommitReply> {
  try {
    return { revision: await services.records.write(services.people.current(ctx.user), edit) };
  } catch (error) {
    if (error instanceof EditRefused) return ctx.reject(error.reason);
    throw error;
  }
}
