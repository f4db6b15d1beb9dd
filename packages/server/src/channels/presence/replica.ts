import type { Entry, Part } from "./messages.js";

/** What a merge has brought. */
export interface Change {
  readonly added: readonly Entry[];
  readonly removed: readonly Entry[];
}

/**
 * What one node has done, as far as it is known here: its entries, and which of its steps have been heard of.
 *
 * Only its own node makes steps, one for each change, and each is told in a {@link Part}. Merging parts is
 * commutative, associative and idempotent (an add-wins set whose tags are steps), so they may come in any order, twice,
 * or within a later whole one. No clock, no I/O.
 */
export class Replica {
  readonly #entries = new Map<number, Entry>();
  #upTo = 0;
  /** Steps heard of past `upTo`: some before them are missing. */
  readonly #beyond = new Set<number>();

  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** All steps up to this one have been heard of. */
  get upTo(): number {
    return this.#upTo;
  }

  /** How many steps have been heard of while some before them are missing. */
  get ahead(): number {
    return this.#beyond.size;
  }

  /** All of it as one part. */
  get whole(): Part {
    return { entries: [...this.#entries.values()], upTo: this.#upTo, steps: [...this.#beyond] };
  }

  /** Takes what a part knows; its cost follows the part, unless that is a whole one. */
  merge({ entries, upTo, steps }: Part): Change {
    const held = new Set(entries.map(({ step }) => step));
    const known = upTo === 0 ? steps : [...steps, ...[...this.#entries.keys()].filter((step) => step <= upTo)];
    const removed: Entry[] = [];
    for (const step of known) {
      const entry = this.#entries.get(step);
      if (entry === undefined || held.has(step)) continue;
      this.#entries.delete(step);
      removed.push(entry);
    }
    const added = entries.filter(({ step }) => step > this.#upTo && !this.#beyond.has(step));
    for (const entry of added) this.#entries.set(entry.step, entry);
    this.#learn(upTo, [...steps, ...held]);
    return { added, removed };
  }

  #learn(upTo: number, steps: readonly number[]): void {
    for (const step of steps) if (step > this.#upTo) this.#beyond.add(step);
    if (upTo > this.#upTo) {
      this.#upTo = upTo;
      for (const step of this.#beyond) if (step <= upTo) this.#beyond.delete(step);
    }
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo += 1;
  }
}
