import type { Logger } from "./logger.js";

/** Undoes a subscription; further calls do nothing. */
export type Unsubscribe = () => void;

/** A value that can be read now and heard of when it changes. */
export interface Observable<T> {
  readonly current: T;
  /** Needs no `this`: it can be handed to `useSyncExternalStore` as it is. */
  readonly subscribe: (listener: () => void) => Unsubscribe;
}

/** Calls each listener; one that throws is reported and stops nobody. */
export function notifyAll(listeners: readonly (() => void)[], logger: Logger): void {
  for (const listener of listeners) {
    try {
      listener();
    } catch (cause) {
      logger.error("A Musubi listener threw.", cause);
    }
  }
}

/** An {@link Observable} that its owner sets. Equal values (`Object.is`) tell nobody. */
export class ObservableValue<T> implements Observable<T> {
  readonly #listeners = new Set<{ readonly call: () => void }>();
  readonly #logger: Logger;
  #current: T;

  constructor(initial: T, logger: Logger) {
    this.#current = initial;
    this.#logger = logger;
  }

  get current(): T {
    return this.#current;
  }

  set(next: T): void {
    if (Object.is(next, this.#current)) return;
    this.#current = next;
    notifyAll(
      Array.from(this.#listeners, (listener) => listener.call),
      this.#logger,
    );
  }

  readonly subscribe = (listener: () => void): Unsubscribe => {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  };
}
