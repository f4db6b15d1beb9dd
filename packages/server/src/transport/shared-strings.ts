/** Most values that are remembered, and the longest of them, in UTF-16 units. */
const MAX_VALUES = 1_000;
const MAX_LENGTH = 256;

/**
 * Lets equal strings be one string in memory.
 *
 * Browsers of one kind send the same headers, which stay for as long as their sockets do. Forgets all it knows when it
 * is full: what is common comes again at once.
 */
export class SharedStrings {
  readonly #values = new Map<string, string>();

  /** How many are remembered. */
  get size(): number {
    return this.#values.size;
  }

  /** A string equal to this one. */
  one(value: string): string {
    const known = this.#values.get(value);
    if (known !== undefined || value.length > MAX_LENGTH) return known ?? value;
    if (this.#values.size >= MAX_VALUES) this.#values.clear();
    this.#values.set(value, value);
    return value;
  }

  /** The same record with strings that are shared; anything else in it stays as it is. */
  in<Value>(record: Readonly<Record<string, Value | string>>): Record<string, Value | string> {
    const entries = Object.entries(record).map(([name, value]) => [
      name,
      typeof value === "string" ? this.one(value) : value,
    ]);
    return Object.fromEntries(entries) as Record<string, Value | string>;
  }
}
