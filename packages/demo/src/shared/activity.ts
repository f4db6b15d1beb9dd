import type { BoardEdit } from "./edit.js";
import type { Hue } from "./person.js";

/** One line of the activity feed: who did what to which card or column. */
export interface ActivityEntry {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly name: string;
  readonly hue: Hue;
  readonly kind: BoardEdit["kind"];
  /** The title of the card or column, as it was called then. */
  readonly subject: string;
  /** What the subject went to: a column's title, a label, a new title. Empty when there is no such thing. */
  readonly detail: string;
}

/** Entries that the feed keeps in view. */
export const FEED_LENGTH = 40;
