import type { Logger } from "../logger.js";

/** Who waits for a socket to have sent what waits there. */
export class DrainListeners {
  readonly #logger: Logger;
  #listeners = new Set<() => void>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Has `listener` told once; returns the undo. */
  add(listener: () => void): () => void {
    // An identity of its own, so that one function can wait twice; its undo also counts while others are told.
    let isWanted = true;
    const own = (): void => {
      if (isWanted) listener();
    };
    this.#listeners.add(own);
    return () => {
      isWanted = false;
      this.#listeners.delete(own);
    };
  }

  /** Tells all that wait, in the order in which they came; those who come meanwhile wait for the next time. */
  tell(): void {
    const told = this.#listeners;
    this.#listeners = new Set();
    for (const listener of told) {
      try {
        listener();
      } catch (cause) {
        this.#logger.error({ err: cause }, "what waited for a socket to drain failed");
      }
    }
  }

  /** Nobody will be told any more. */
  clear(): void {
    this.#listeners.clear();
  }
}
