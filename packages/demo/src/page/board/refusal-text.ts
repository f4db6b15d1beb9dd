import type { BoardEdit } from "../../shared/edit.js";

/** What to tell someone whose edit the server refused, by the reason it gave. */
export function refusalText(edit: BoardEdit, reason: string): string {
  switch (reason) {
    case "card_gone":
      return "That card is gone: somebody removed it.";
    case "column_gone":
      return "That column is gone: somebody removed it.";
    case "file_gone":
      return "That file is gone.";
    case "card_full":
      return "That card has no room for more files.";
    case "column_not_empty":
      return "Somebody put a card into that column, so it stays.";
    case "board_full":
      return edit.kind === "addColumn"
        ? "The board has no room for more columns."
        : "The board has no room for more cards.";
    default:
      return `The server refused that change (${reason}).`;
  }
}
