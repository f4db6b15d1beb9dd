/** Work that asks for a place. */
export interface Placeable {
  placed(): void;
}

/** The places that the async work of one root shares: so much runs at once, the rest waits in order. */
export class AsyncPool {
  readonly #places: number;
  readonly #running = new Set<Placeable>();
  readonly #waiting = new Set<Placeable>();
  #onIdle: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  /** Work that runs or waits. */
  get size(): number {
    return this.#running.size + this.#waiting.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(work: Placeable): void {
    if (this.#running.size >= this.#places) {
      this.#waiting.add(work);
      return;
    }
    this.#running.add(work);
    work.placed();
  }

  leave(work: Placeable): void {
    if (this.#running.delete(work)) {
      const [next] = this.#waiting;
      if (next !== undefined) {
        this.#waiting.delete(next);
        this.enter(next);
      }
    } else {
      this.#waiting.delete(work);
    }
    if (this.size > 0) return;
    const told = this.#onIdle;
    this.#onIdle = [];
    for (const tell of told) tell();
  }

  /** Resolves when nothing runs or waits. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }
}
