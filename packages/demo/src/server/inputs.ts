import * as v from "valibot";
import { LABELS, MAX_NOTE, MAX_TITLE } from "../shared/board.js";
import { HUES, MAX_NAME } from "../shared/person.js";

/** An id made by a page or by the seed. */
export const Id = v.pipe(v.string(), v.regex(/^[a-z0-9]{1,32}$/, "an id has 1 to 32 letters a-z or digits"));
/** A file's id, made by the server. */
export const FileId = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, "a file's id has 32 hexadecimal digits"));
/** A title: something visible, in one line. */
export const Title = v.pipe(v.string(), v.trim(), v.minLength(1, "a title cannot be empty"), v.maxLength(MAX_TITLE));
/** A note; may be empty. */
export const Note = v.pipe(v.string(), v.trim(), v.maxLength(MAX_NOTE));
/** A colour label. */
export const LabelName = v.picklist(LABELS);
/** The neighbour before which something goes; `null` for the end. */
export const Before = v.nullable(Id);
/** What a person can change about themselves. */
export const Introduction = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1, "a name cannot be empty"), v.maxLength(MAX_NAME)),
  hue: v.picklist(HUES),
});
/** Who connects, as the socket's params say. */
export const PersonParams = v.object({ id: Id, ...Introduction.entries });
