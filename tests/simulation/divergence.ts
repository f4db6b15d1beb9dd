/** What a simulation found: the client did what it must not. */
export class Divergence extends Error {
  constructor(rule: string, details: string) {
    super(`${rule}: ${details}`);
    this.name = "Divergence";
  }
}
