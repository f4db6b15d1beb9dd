import type { ActivityEntry } from "../../shared/activity.js";

/** A line of the feed in pieces: `verb` *subject* `link` *object*; the last two may be empty. */
export interface ActivityText {
  readonly verb: string;
  readonly link: string;
  readonly object: string;
}

/** What an entry says between the name of the person and its end. */
export function activityText({ kind, detail }: ActivityEntry): ActivityText {
  switch (kind) {
    case "addCard":
      return { verb: "added", link: "to", object: detail };
    case "editCard":
      return detail === "" ? only("wrote a note on") : { verb: "renamed", link: "to", object: detail };
    case "labelCard":
      return detail === "plain" ? only("took the colour off") : { verb: "coloured", link: "in", object: detail };
    case "moveCard":
      return { verb: "moved", link: "to", object: detail };
    case "attachFile":
      return { verb: "gave", link: "the file", object: detail };
    case "detachFile":
      return { verb: "freed", link: "of", object: detail };
    case "removeCard":
      return only("removed");
    case "addColumn":
      return only("added the column");
    case "renameColumn":
      return { verb: "renamed the column", link: "to", object: detail };
    case "moveColumn":
      return only("moved the column");
    case "removeColumn":
      return only("removed the column");
    default:
      return kind satisfies never;
  }
}

function only(verb: string): ActivityText {
  return { verb, link: "", object: "" };
}
