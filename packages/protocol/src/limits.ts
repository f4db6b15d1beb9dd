/** Deepest nesting of a JSON value that an envelope may carry (protocol.md section 3). */
export const MAX_JSON_DEPTH = 256;

/** Envelopes and `root_down`s held per `root_id` that no mount reply has named yet (protocol.md section 2). */
export const MAX_HELD_PER_ROOT = 64;

/** `root_id`s for which messages are held at once (protocol.md section 2). */
export const MAX_HELD_ROOTS = 16;
