/** What a scenario's own code throws on purpose: the client reports it, and it stops nobody. */
export const PLANNED_ERROR: Error = new Error("thrown on purpose");
