/**
 * The entries of one stream, in order and by key (protocol.md section 5).
 *
 * Three parallel arrays with unused slots in front hold the entries, their keys and their items, so that both ends grow
 * in constant time and what is read is one copy of an array; a Map leads from a key to its entry, which knows its slot.
 * A delete in the middle leaves a hole; holes are closed when the list is read or when they outnumber the entries. The
 * first and the last slot in use are never holes.
 */
import type { JsonValue } from "./json.js";

interface Entry {
  slot: number;
}

/** Fewest unused slots that are made when the front has to grow. */
const MIN_ROOM = 16;

const NONE: readonly never[] = Object.freeze([]);

/**
 * A keyed list for stream ops: appending, prepending, deleting and trimming take constant time (amortised), inserting
 * in the middle moves the entries behind it. Reading builds an array once per change.
 */
export class StreamList {
  #entries: (Entry | undefined)[] = [];
  #keys: (string | undefined)[] = [];
  #items: (JsonValue | undefined)[] = [];
  /** The slot of the first entry. */
  #head = 0;
  #size = 0;
  readonly #byKey: Map<string, Entry> = new Map();
  #itemsRead: readonly JsonValue[] | undefined = NONE;
  #keysRead: readonly string[] | undefined = NONE;

  /** How many entries there are. */
  get size(): number {
    return this.#size;
  }

  /** The item with this key, `undefined` when there is none. */
  get(key: string): JsonValue | undefined {
    const entry = this.#byKey.get(key);
    return entry && this.#items[entry.slot];
  }

  /** The items in order. The same array until something changes; never written to once handed out. */
  items(): readonly JsonValue[] {
    return (this.#itemsRead ??= this.#copy(this.#items));
  }

  /** The keys in the order of {@link StreamList.items}, cached in the same way. */
  keys(): readonly string[] {
    return (this.#keysRead ??= this.#copy(this.#keys));
  }

  /**
   * Puts an entry in, after taking out the one with the same key, then trims (protocol.md section 5).
   *
   * `at`: -1 appends, 0 and every other negative number prepend, a positive one is clamped to the length. `limit`:
   * `null` keeps all, 0 none, otherwise its absolute value is how many stay; the surplus goes from the end when `at`
   * is 0, else from the front.
   */
  insert(key: string, at: number, item: JsonValue, limit: number | null): void {
    if (limit === 0) return this.reset();
    let entry = this.#byKey.get(key);
    if (entry === undefined) this.#byKey.set(key, (entry = { slot: 0 }));
    else this.#vacate(entry.slot);
    this.#itemsRead = this.#keysRead = undefined;
    const size = this.#size;
    if (at <= 0 || at >= size) {
      const isLast = at === -1 || at >= size || size === 0;
      if (!isLast && this.#head === 0) this.#makeRoom();
      const slot = isLast ? this.#entries.length : --this.#head;
      entry.slot = slot;
      this.#entries[slot] = entry;
      this.#keys[slot] = key;
      this.#items[slot] = item;
    } else {
      this.#close();
      const entries = this.#entries;
      const slot = this.#head + at;
      entries.splice(slot, 0, entry);
      this.#keys.splice(slot, 0, key);
      this.#items.splice(slot, 0, item);
      for (let to = slot; to < entries.length; to++) (entries[to] as Entry).slot = to;
    }
    this.#size = size + 1;
    if (limit === null) return;
    for (let surplus = this.#size - Math.abs(limit); surplus > 0; surplus--) {
      this.delete(this.#keys[at === 0 ? this.#keys.length - 1 : this.#head] as string);
    }
  }

  /** Takes out the entry with this key, if there is one. */
  delete(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    this.#itemsRead = this.#keysRead = undefined;
    this.#byKey.delete(key);
    this.#vacate(entry.slot);
  }

  /** Takes out all entries. */
  reset(): void {
    this.#byKey.clear();
    this.#entries = [];
    this.#keys = [];
    this.#items = [];
    this.#head = this.#size = 0;
    this.#itemsRead = this.#keysRead = NONE;
  }

  #copy<T>(list: readonly (T | undefined)[]): readonly T[] {
    this.#close();
    // Without holes every slot from the head on is in use. V8 copies a long array a sixth faster by
    // `concat`, with an empty list that is not frozen: with a frozen one it takes six times as long.
    return (this.#head ? list.slice(this.#head) : list.concat([])) as T[];
  }

  /** Frees the slot of an entry that goes or moves. */
  #vacate(slot: number): void {
    this.#size -= 1;
    const entries = this.#entries;
    const keys = this.#keys;
    const items = this.#items;
    entries[slot] = keys[slot] = items[slot] = undefined;
    while (entries.length > this.#head && entries[entries.length - 1] === undefined) {
      entries.pop();
      keys.pop();
      items.pop();
    }
    while (this.#head < entries.length && entries[this.#head] === undefined) this.#head += 1;
    // Neither holes nor a window that slides along (append, drop from the front) may make the arrays grow without end.
    if (entries.length > MIN_ROOM + 3 * this.#size) this.#close(0);
  }

  /** Closes the holes, moving what lies behind the first of them forward; `room` is how many unused slots stay in front. */
  #close(room: number = this.#head): void {
    const entries = this.#entries;
    const keys = this.#keys;
    const items = this.#items;
    if (room === this.#head && entries.length - room === this.#size) return;
    let free = room;
    for (let slot = this.#head; slot < entries.length; slot++) {
      const entry = entries[slot];
      if (entry === undefined) continue;
      entry.slot = free;
      entries[free] = entry;
      keys[free] = keys[slot];
      items[free] = items[slot];
      free += 1;
    }
    this.#head = room;
    entries.length = keys.length = items.length = free;
  }

  #makeRoom(): void {
    const room = Math.min(this.#entries.length, MIN_ROOM + (this.#size >> 3));
    // Cut out of the list, since an array made of a length alone would make all copies of it slower to read.
    const longer = <T>(list: (T | undefined)[]): (T | undefined)[] => list.slice(0, room).fill(undefined).concat(list);
    for (const entry of this.#entries) if (entry !== undefined) entry.slot += room;
    this.#entries = longer(this.#entries);
    this.#keys = longer(this.#keys);
    this.#items = longer(this.#items);
    this.#head = room;
  }
}
