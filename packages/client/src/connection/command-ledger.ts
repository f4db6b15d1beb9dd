/**
 * The numbers of one session's commands: each gets the next one, and `acked` is the highest up to which all are
 * settled here, so that the server may forget their replies (protocol.md section 2, `idempotent_commands`).
 */
export class CommandLedger {
  readonly #settled = new Set<number>();
  #last = 0;
  #acked = 0;

  /** Every command up to this one has been answered or given up. */
  get acked(): number {
    return this.#acked;
  }

  /** The number of a new command; the first is 1. */
  take(): number {
    return ++this.#last;
  }

  /** A command was answered or given up. */
  settle(id: number): void {
    this.#settled.add(id);
    while (this.#settled.delete(this.#acked + 1)) this.#acked++;
  }
}
