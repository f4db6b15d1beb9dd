/**
 * The entries of one stream, in order and by key (protocol.md section 5).
 *
 * Two parallel arrays with unused slots in front and behind hold the entries and their items, so that both ends grow
 * in constant time; a Map leads from a key to its entry, which knows its slot. A delete in the middle leaves a hole:
 * holes are taken by inserts nearby, and closed when the list is read or when they outnumber the entries. The first
 * and the last slot in use are never holes.
 */
import type { JsonValue } from "./json.js";

interface Entry {
  readonly key: string;
  slot: number;
}

/** Fewest unused slots that are made when the front has to grow. */
const MIN_ROOM = 16;

/** A delete closes the gap at once, rather than leaving a hole, when no more than this many entries have to move. */
const SHORT_MOVE = 32;

const NONE: readonly never[] = Object.freeze([]);

/**
 * A keyed list for stream ops: appending, prepending, deleting and trimming take constant time (amortised), inserting
 * in the middle moves the entries of the shorter side. Reading builds an array once per change.
 */
export class StreamList {
  #entries: (Entry | undefined)[] = [];
  #items: (JsonValue | undefined)[] = [];
  /** The slot of the first entry. */
  #head = 0;
  #holes = 0;
  readonly #byKey: Map<string, Entry> = new Map();
  #itemsRead: readonly JsonValue[] | undefined = NONE;
  #keysRead: readonly string[] | undefined = NONE;

  /** How many entries there are. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Whether there is an entry with this key. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** The item with this key, `undefined` when there is none. */
  get(key: string): JsonValue | undefined {
    const entry = this.#byKey.get(key);
    return entry === undefined ? undefined : this.#items[entry.slot];
  }

  /** The items in order. The same array until something changes; never written to once handed out. */
  items(): readonly JsonValue[] {
    if (this.#itemsRead === undefined) {
      this.#close();
      // Without holes every slot from the head on holds an item.
      this.#itemsRead = this.#items.slice(this.#head) as JsonValue[];
    }
    return this.#itemsRead;
  }

  /** The keys in the order of {@link StreamList.items}, cached in the same way. */
  keys(): readonly string[] {
    if (this.#keysRead === undefined) {
      const keys: string[] = [];
      const entries = this.#entries;
      for (let slot = this.#head; slot < entries.length; slot++) {
        const entry = entries[slot];
        if (entry !== undefined) keys.push(entry.key);
      }
      this.#keysRead = keys;
    }
    return this.#keysRead;
  }

  /**
   * Puts an entry in, after taking out the one with the same key, then trims (protocol.md section 5).
   *
   * `at`: -1 appends, 0 and every other negative number prepend, a positive one is clamped to the length. `limit`:
   * `null` keeps all, 0 none, otherwise its absolute value is how many stay; the surplus goes from the end when `at`
   * is 0, else from the front.
   */
  insert(key: string, at: number, item: JsonValue, limit: number | null): void {
    if (limit === 0) {
      this.reset();
      return;
    }
    this.#changed();
    let entry = this.#byKey.get(key);
    if (entry === undefined) {
      entry = { key, slot: 0 };
      this.#place(entry, at, item, this.#byKey.size);
      this.#byKey.set(key, entry);
    } else {
      this.#vacate(entry.slot);
      this.#place(entry, at, item, this.#byKey.size - 1);
    }
    if (limit !== null) this.#trim(Math.abs(limit), at === 0);
  }

  /** Takes out the entry with this key, if there is one. */
  delete(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    this.#changed();
    this.#byKey.delete(key);
    this.#vacate(entry.slot);
  }

  /** Takes out all entries. */
  reset(): void {
    if (this.#byKey.size === 0) return;
    this.#byKey.clear();
    this.#clearSlots();
    this.#itemsRead = NONE;
    this.#keysRead = NONE;
  }

  #changed(): void {
    this.#itemsRead = undefined;
    this.#keysRead = undefined;
  }

  #clearSlots(): void {
    this.#entries = [];
    this.#items = [];
    this.#head = 0;
    this.#holes = 0;
  }

  #place(entry: Entry, at: number, item: JsonValue, size: number): void {
    if (at === -1 || at >= size) {
      entry.slot = this.#entries.length;
      this.#entries.push(entry);
      this.#items.push(item);
    } else {
      this.#set(at <= 0 ? this.#slotInFront() : this.#openSlot(at, size), entry, item);
    }
  }

  #set(slot: number, entry: Entry | undefined, item: JsonValue | undefined): void {
    if (entry !== undefined) entry.slot = slot;
    this.#entries[slot] = entry;
    this.#items[slot] = item;
  }

  #slotInFront(): number {
    if (this.#head === 0) this.#rebuild(Math.max(MIN_ROOM, this.#byKey.size));
    this.#head -= 1;
    return this.#head;
  }

  /** Makes a free slot at a position inside the list (neither end), moving the entries of the shorter side. */
  #openSlot(position: number, size: number): number {
    if (position <= size / 2) {
      // Leftwards: up to the nearest hole, or into the room in front.
      if (this.#head === 0) this.#rebuild(Math.max(MIN_ROOM, size));
      return this.#openLeftOf(this.#slotOf(position, size));
    }
    const slot = this.#slotOf(position, size);
    const entries = this.#entries;
    let free = slot + 1;
    while (free < entries.length && entries[free] !== undefined) free++;
    if (free < entries.length) this.#holes -= 1;
    else this.#pushHole();
    for (let to = free; to > slot; to--) this.#set(to, entries[to - 1], this.#items[to - 1]);
    return slot;
  }

  #openLeftOf(slot: number): number {
    const entries = this.#entries;
    let free = slot - 1;
    while (free >= this.#head && entries[free] !== undefined) free--;
    if (free < this.#head) this.#head = free;
    else this.#holes -= 1;
    for (let to = free; to < slot - 1; to++) this.#set(to, entries[to + 1], this.#items[to + 1]);
    return slot - 1;
  }

  #pushHole(): void {
    this.#entries.push(undefined);
    this.#items.push(undefined);
  }

  /** The slot of the entry at a position, counted from the nearer end when there are holes to skip. */
  #slotOf(position: number, size: number): number {
    if (this.#holes === 0) return this.#head + position;
    const entries = this.#entries;
    if (position <= size / 2) {
      let slot = this.#head;
      for (let left = position; left > 0 || entries[slot] === undefined; slot++) {
        if (entries[slot] !== undefined) left -= 1;
      }
      return slot;
    }
    let slot = entries.length - 1;
    for (let left = size - 1 - position; left > 0 || entries[slot] === undefined; slot--) {
      if (entries[slot] !== undefined) left -= 1;
    }
    return slot;
  }

  /** Frees the slot of an entry that goes or moves. */
  #vacate(slot: number): void {
    const entries = this.#entries;
    const before = slot - this.#head;
    const after = entries.length - 1 - slot;
    if (after <= SHORT_MOVE && after <= before) {
      for (let to = slot; to < slot + after; to++) this.#set(to, entries[to + 1], this.#items[to + 1]);
      this.#dropLast();
    } else if (before <= SHORT_MOVE) {
      for (let to = slot; to > this.#head; to--) this.#set(to, entries[to - 1], this.#items[to - 1]);
      this.#dropFirst();
    } else {
      this.#set(slot, undefined, undefined);
      this.#holes += 1;
      if (this.#holes > this.#byKey.size) this.#close();
    }
  }

  /** Gives the first slot up, and the holes behind it. */
  #dropFirst(): void {
    const entries = this.#entries;
    this.#set(this.#head, undefined, undefined);
    this.#head += 1;
    while (this.#head < entries.length && entries[this.#head] === undefined) {
      this.#head += 1;
      this.#holes -= 1;
    }
    if (this.#head >= entries.length) this.#clearSlots();
    // A window that slides along (append, drop from the front) must not leave its whole past in front of it.
    else if (this.#head > MIN_ROOM + 2 * (entries.length - this.#head)) this.#rebuild(0);
  }

  /** Gives the last slot up, and the holes before it. */
  #dropLast(): void {
    const entries = this.#entries;
    entries.pop();
    this.#items.pop();
    while (entries.length > this.#head && entries[entries.length - 1] === undefined) {
      entries.pop();
      this.#items.pop();
      this.#holes -= 1;
    }
    if (entries.length <= this.#head) this.#clearSlots();
  }

  #trim(keep: number, fromEnd: boolean): void {
    for (let surplus = this.#byKey.size - keep; surplus > 0; surplus--) {
      const entry = this.#entries[fromEnd ? this.#entries.length - 1 : this.#head] as Entry;
      this.#byKey.delete(entry.key);
      if (fromEnd) this.#dropLast();
      else this.#dropFirst();
    }
  }

  /** Closes the holes, moving what lies behind the first of them forward. */
  #close(): void {
    if (this.#holes === 0) return;
    const entries = this.#entries;
    const items = this.#items;
    let free = this.#head;
    while (entries[free] !== undefined) free += 1;
    for (let slot = free + 1; slot < entries.length; slot++) {
      const entry = entries[slot];
      if (entry === undefined) continue;
      entry.slot = free;
      entries[free] = entry;
      items[free] = items[slot];
      free += 1;
    }
    entries.length = free;
    items.length = free;
    this.#holes = 0;
  }

  /** Moves the entries into new arrays without holes, with `room` unused slots in front. */
  #rebuild(room: number): void {
    const entries: (Entry | undefined)[] = [];
    const items: (JsonValue | undefined)[] = [];
    for (let slot = 0; slot < room; slot++) {
      entries.push(undefined);
      items.push(undefined);
    }
    for (let slot = this.#head; slot < this.#entries.length; slot++) {
      const entry = this.#entries[slot];
      if (entry === undefined) continue;
      entry.slot = entries.length;
      entries.push(entry);
      items.push(this.#items[slot]);
    }
    this.#entries = entries;
    this.#items = items;
    this.#head = room;
    this.#holes = 0;
  }
}
