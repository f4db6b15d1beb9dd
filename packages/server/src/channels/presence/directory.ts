import type { Entry, PresenceMeta } from "./messages.js";
import type { Change } from "./replica.js";

/** Presences by key, as phoenix.js's `Presence` takes them. */
export type Presences = Readonly<Record<string, { readonly metas: readonly PresenceMeta[] }>>;

/** The payload of `presence_diff`: an updated presence is in both, under two refs. */
export interface PresenceDiff {
  readonly joins: Presences;
  readonly leaves: Presences;
}

/** The entries of all nodes by topic. No clock, no I/O. */
export class Directory {
  readonly #topics = new Map<string, Map<string, Entry>>();
  #size = 0;

  /** Entries on all topics. */
  get size(): number {
    return this.#size;
  }

  /** Who is on a topic. */
  list(topic: string): Presences {
    return byKey(this.#topics.get(topic)?.values() ?? []);
  }

  /** Takes a change; returns what it means for each topic. */
  apply({ added, removed }: Change): ReadonlyMap<string, PresenceDiff> {
    const touched = new Map<string, { readonly added: Entry[]; readonly removed: Entry[] }>();
    const at = (topic: string) => {
      const held = touched.get(topic) ?? { added: [], removed: [] };
      touched.set(topic, held);
      return held;
    };
    for (const entry of added) {
      const entries = this.#topics.get(entry.topic) ?? new Map<string, Entry>();
      this.#size -= entries.size;
      this.#topics.set(entry.topic, entries.set(entry.meta.phx_ref, entry));
      this.#size += entries.size;
      at(entry.topic).added.push(entry);
    }
    for (const entry of removed) {
      const entries = this.#topics.get(entry.topic);
      if (entries?.delete(entry.meta.phx_ref) === true) this.#size -= 1;
      if (entries?.size === 0) this.#topics.delete(entry.topic);
      at(entry.topic).removed.push(entry);
    }
    return new Map(
      [...touched].map(([topic, each]) => [topic, { joins: byKey(each.added), leaves: byKey(each.removed) }]),
    );
  }
}

function byKey(entries: Iterable<Entry>): Presences {
  const metas = new Map<string, PresenceMeta[]>();
  for (const { key, meta } of entries) {
    const held = metas.get(key);
    if (held === undefined) metas.set(key, [meta]);
    else held.push(meta);
  }
  // Keys are often names that users chose: these are own members of the object, even "__proto__".
  return Object.fromEntries([...metas].map(([key, each]) => [key, { metas: each }]));
}
