/** A root that crashed the channel this often, each time the only suspect, is given up. */
const MAX_CRASHES = 2;

/**
 * Decides when a mount may be pushed (protocol.md section 2, "Joins"): at once, unless it is a suspect. Mounts that
 * were unanswered when the channel crashed are suspects: in later joins they go last, one at a time, so that one
 * root that crashes its server does not take the others down for good.
 *
 * It knows roots by key only, pushes nothing itself, and does not own what a condemned root is told.
 */
export class MountQueue {
  /** Suspects, with the number of crashes in which each was the only one. */
  readonly #suspects = new Map<string, number>();
  readonly #unanswered = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  /** Whether every mount that was pushed in this join is answered. */
  get isIdle(): boolean {
    return this.#unanswered.size === 0;
  }

  /** Calls `push` now, or when it is this root's turn. */
  request(key: string, push: () => void): void {
    if (this.#suspects.has(key)) {
      this.#waiting.set(key, push);
      this.proceed();
    } else {
      this.#unanswered.add(key);
      push();
    }
  }

  /** The mount of `key` was answered, in whatever way. `proceed` has to follow. */
  answered(key: string): void {
    this.#unanswered.delete(key);
    this.#suspects.delete(key);
  }

  /** Lets the next suspect go when it is its turn. */
  proceed(): void {
    const [next] = this.#waiting;
    if (!this.isIdle || next === undefined) return;
    const [key, push] = next;
    this.#waiting.delete(key);
    this.#unanswered.add(key);
    push();
  }

  /** The server's side of the channel crashed. `endJoin` has to follow. */
  crashed(): void {
    const crashes = this.#unanswered.size === 1 ? 1 : 0;
    for (const key of this.#unanswered) this.#suspects.set(key, (this.#suspects.get(key) ?? 0) + crashes);
  }

  /** The join ended: nothing is on its way any more. */
  endJoin(): void {
    this.#unanswered.clear();
    this.#waiting.clear();
  }

  /** Whether `key` has crashed the channel twice by itself. Asking acquits it, so that a later mount tries afresh. */
  takeCondemned(key: string): boolean {
    return (this.#suspects.get(key) ?? 0) >= MAX_CRASHES && this.#suspects.delete(key);
  }

  /** Forgets a root that nobody wants any more. */
  forget(key: string): void {
    this.#suspects.delete(key);
    this.#waiting.delete(key);
  }
}
