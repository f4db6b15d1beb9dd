/** What a scenario's own code throws on purpose: the client reports it, and it stops nobody. */
export class PlannedError extends Error {
  constructor(what: string) {
    super(`${what} throws`);
    this.name = "PlannedError";
  }
}
