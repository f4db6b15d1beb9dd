/** A root that crashed the channel this often, each time the only suspect, is given up. */
const MAX_CRASHES = 2;

/**
 * Decides when a mount may be pushed (protocol.md section 2, "Joins"): at once, unless it is a suspect. Mounts that
 * were unanswered when the channel crashed are suspects: in later joins they go last, one at a time, so that one
 * root that crashes its server does not take the others down for good.
 *
 * It pushes nothing itself, and does not own what a condemned root is told.
 */
export class MountQueue<Root> {
  /** Suspects, with the number of crashes in which each was the only one. */
  readonly #suspects = new Map<Root, number>();
  readonly #unanswered = new Set<Root>();
  readonly #waiting = new Map<Root, () => void>();

  /** Whether every mount that was pushed in this join is answered. */
  get isIdle(): boolean {
    return this.#unanswered.size === 0;
  }

  /** Calls `push` now, or when it is this root's turn. */
  request(root: Root, push: () => void): void {
    if (this.#suspects.has(root)) {
      this.#waiting.set(root, push);
      this.proceed();
    } else {
      this.#unanswered.add(root);
      push();
    }
  }

  /** The mount of `root` was answered, in whatever way. `proceed` has to follow. */
  answered(root: Root): void {
    this.#unanswered.delete(root);
    this.#suspects.delete(root);
  }

  /** Lets the next suspect go when it is its turn. */
  proceed(): void {
    const [next] = this.#waiting;
    if (!this.isIdle || next === undefined) return;
    const [root, push] = next;
    this.#waiting.delete(root);
    this.#unanswered.add(root);
    push();
  }

  /** The server's side of the channel crashed. `endJoin` has to follow. */
  crashed(): void {
    const crashes = this.#unanswered.size === 1 ? 1 : 0;
    for (const root of this.#unanswered) this.#suspects.set(root, (this.#suspects.get(root) ?? 0) + crashes);
  }

  /** The join ended: nothing is on its way any more. */
  endJoin(): void {
    this.#unanswered.clear();
    this.#waiting.clear();
  }

  /** Whether `root` has crashed the channel twice by itself. Asking acquits it, so that a later mount tries afresh. */
  takeCondemned(root: Root): boolean {
    return (this.#suspects.get(root) ?? 0) >= MAX_CRASHES && this.#suspects.delete(root);
  }

  /** Forgets a root that nobody wants any more. */
  forget(root: Root): void {
    this.#suspects.delete(root);
    this.#waiting.delete(root);
  }
}
