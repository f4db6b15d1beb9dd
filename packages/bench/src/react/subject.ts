import type { ComponentType } from "react";
import { envelopeOf, opsOf } from "./envelope.js";

/** A row as the server knows it. */
export interface BoardRow {
  readonly id: string;
  readonly name: string;
  readonly votes: number;
  readonly owner: string;
  readonly isDone: boolean;
  readonly tags: readonly string[];
}

/** What is said in a stream. */
export interface LogItem {
  readonly id: string;
  readonly text: string;
}

/** A change that a server tells a page of. */
export type Change =
  | { readonly kind: "row"; readonly at: number; readonly row: BoardRow }
  | { readonly kind: "append"; readonly item: LogItem }
  | { readonly kind: "drop"; readonly item: LogItem };

/** A way to bring a server's changes to the screen. */
export interface Subject {
  /** Resolves when it is ready to be rendered. */
  begin(rows: readonly BoardRow[], log: readonly LogItem[]): Promise<void>;
  /** Each row in an element of its own that shows `textOf(row)`. */
  readonly Board: ComponentType;
  /** Each item of the log in an element of its own. */
  readonly Log: ComponentType;
  /** The text frame that tells of a change. */
  frameOf(change: Change): string;
  /** Takes a text frame, as from a WebSocket. */
  receive(frame: string): void;
}

export function textOf({ name, votes }: Pick<BoardRow, "name" | "votes">): string {
  return `${name}: ${votes}`;
}

/** What a peer's server sends: the same facts, in as many characters as ours needs. */
export function messageOf(change: Change): string {
  const ours = JSON.stringify(["1", null, "musubi", "patch", envelopeOf(1_000, ...opsOf(change))]);
  const text = JSON.stringify({ ...change, pad: "" });
  return JSON.stringify({ ...change, pad: "x".repeat(Math.max(0, ours.length - text.length)) });
}
