import type { Hue } from "./person.js";

/** What the board has been up to, as counted by the server. */
export interface Insights {
  /** Cards of each column, left to right. */
  readonly columns: readonly { readonly title: string; readonly cards: number }[];
  readonly files: number;
  /** Changes in each of the last hours, oldest first; the last one is under way. */
  readonly hours: readonly number[];
  /** Who changed most in that time, most first. */
  readonly people: readonly { readonly name: string; readonly hue: Hue; readonly changes: number }[];
}

/** Hours that {@link Insights} looks back. */
export const INSIGHT_HOURS = 12;
