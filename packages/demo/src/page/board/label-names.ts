import type { Label } from "../../shared/board.js";

/** What a label is called on the page. */
export const LABEL_NAMES: Readonly<Record<Label, string>> = {
  plain: "No colour",
  indigo: "Indigo",
  teal: "Teal",
  moss: "Moss",
  amber: "Amber",
  madder: "Madder red",
  wisteria: "Wisteria",
};
