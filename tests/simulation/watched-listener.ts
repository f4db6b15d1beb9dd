import { Divergence } from "./divergence.js";
import type { RunVersion } from "./root-run.js";

/** A listener of the application, and how often it has to be called. */
export class WatchedListener {
  readonly storeKey: string;
  calls = 0;
  /** How often it must have been called at least, and may have been at most. */
  #least = 0;
  #most = 0;
  #stop: () => void = () => {};

  constructor(storeKey: string) {
    this.storeKey = storeKey;
  }

  /** Begins to listen; `react` is what the application does when it is called. */
  start(subscribe: (listener: () => void) => () => void, react: (() => void) | undefined): void {
    this.#stop = subscribe(() => {
      this.calls++;
      react?.();
    });
  }

  stop(): void {
    this.#stop();
  }

  /** A change was told: one call if it concerned the store, none or one if it may have. */
  expect(how: "surely" | "maybe" | "never"): void {
    if (how === "never") return;
    this.#most++;
    if (how === "surely") this.#least++;
  }

  check(where: string): void {
    if (this.calls < this.#least || this.calls > this.#most)
      throw new Divergence(
        "a listener hears each change once",
        `${where}, store ${this.storeKey}: ${this.calls} calls, expected ${this.#least} to ${this.#most}`,
      );
  }
}

/** The store and all that contain it, in either version. */
export function withContaining(keys: Iterable<string>, ...versions: readonly (RunVersion | undefined)[]): Set<string> {
  const found = new Set<string>();
  for (const key of keys) {
    found.add(key);
    for (const version of versions) {
      const place = version?.placements.get(key);
      if (place === undefined) continue;
      for (const above of version?.placements.keys() ?? []) if (place.includes(`(${above})`)) found.add(above);
    }
  }
  return found;
}

/**
 * Whether a store that did not change may still be a new object: it came whole in an op, or it is at another place
 * after an initial envelope, which matches stores by id within one list and all else by place.
 */
export function mayDiffer(key: string, before: RunVersion | undefined, after: RunVersion, isInitial: boolean): boolean {
  if (!isInitial) return after.rewritten.has(key);
  return before?.placements.get(key) !== after.placements.get(key);
}
