import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import type { PatchOp } from "./patch-op.js";
import { formatPointer } from "./pointer.js";
import { STORE_ID_KEY } from "./store-id.js";

/** A stream of numbers that its seed determines (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 to `bound - 1`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * bound);
  }

  oneIn(bound: number): boolean {
    return this.below(bound) === 0;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError("there is nothing to pick from");
    return value;
  }
}

/** Member names that need care: escapes, the empty one, digits, names that objects inherit. */
export const NAMES: readonly string[] = ["a", "b", "title", "~", "/", "a~1b/c", "", "0", "-", "toString", "ü€😀"];

/** A JSON value of at most `levels` levels, with lists of store nodes among its arrays. */
export function randomValue(random: Random, levels: number, names: readonly string[] = NAMES): JsonValue {
  switch (random.below(levels > 0 ? 8 : 4)) {
    case 0:
      return random.below(4);
    case 1:
      return `text ${random.below(4)}`;
    case 2:
      return random.oneIn(2);
    case 3:
      return null;
    case 4:
    case 5:
      return randomObject(random, levels, names);
    case 6:
      return Array.from({ length: random.below(6) }, () => randomValue(random, levels - 1, names));
    default:
      return randomStores(random, levels, names);
  }
}

/** An object with a few members. */
export function randomObject(random: Random, levels: number, names: readonly string[] = NAMES): JsonObject {
  const object: Record<string, JsonValue> = {};
  for (let left = random.below(5); left > 0; left--)
    object[random.pick(names)] = randomValue(random, levels - 1, names);
  return object;
}

function randomStores(random: Random, levels: number, names: readonly string[]): JsonArray {
  const ids = new Set(Array.from({ length: random.below(6) }, () => `store ${random.below(9)}`));
  return [...ids].map((id) => ({ [STORE_ID_KEY]: ["list", id], ...randomObject(random, levels - 1, names) }));
}

/** A value that shares most of its parts with `value`. */
export function mutated(random: Random, value: JsonValue, levels: number, names: readonly string[] = NAMES): JsonValue {
  if (random.oneIn(8)) return randomValue(random, levels, names);
  if (typeof value !== "object" || value === null) return random.oneIn(3) ? randomValue(random, levels, names) : value;
  if (Array.isArray(value)) return mutatedArray(random, [...(value as JsonArray)], levels, names);
  return mutatedObject(random, value as JsonObject, levels, names);
}

function mutatedObject(random: Random, object: JsonObject, levels: number, names: readonly string[]): JsonObject {
  const copy: Record<string, JsonValue> = {};
  for (const [name, member] of Object.entries(object)) {
    if (name === STORE_ID_KEY) copy[name] = member;
    else if (!random.oneIn(8)) copy[name] = random.oneIn(2) ? mutated(random, member, levels - 1, names) : member;
  }
  if (random.oneIn(3)) copy[random.pick(names)] = randomValue(random, levels - 1, names);
  return copy;
}

function mutatedArray(random: Random, array: JsonValue[], levels: number, names: readonly string[]): JsonArray {
  for (let left = random.below(4); left > 0; left--) {
    const at = random.below(array.length);
    const kind = random.below(4);
    if (kind === 0) array.splice(random.below(array.length + 1), 0, randomValue(random, levels - 1, names));
    else if (array.length === 0) continue;
    else if (kind === 1) array.splice(at, 1);
    else if (kind === 2) array.splice(random.below(array.length), 0, ...array.splice(at, 1));
    else array[at] = mutated(random, array[at] ?? null, levels - 1, names);
  }
  return array;
}

/** An op that applies to `document`: on the whole, or on a place that a random way down leads to. */
export function randomOp(random: Random, document: JsonValue): PatchOp {
  const tokens: (string | number)[] = [];
  let node = document;
  while (typeof node === "object" && node !== null && !random.oneIn(20)) {
    const slots: (string | number)[] = Array.isArray(node) ? [...node.keys()] : Object.keys(node);
    if (slots.length === 0 || random.oneIn(5)) return additionTo(random, tokens, node);
    const slot = random.pick(slots);
    tokens.push(slot);
    node = (node as Readonly<Record<string | number, JsonValue>>)[slot] ?? null;
    if (random.oneIn(3))
      return random.oneIn(2) ? { op: "remove", path: formatPointer(tokens) } : replacementAt(random, tokens);
  }
  return replacementAt(random, tokens);
}

function replacementAt(random: Random, tokens: readonly (string | number)[]): PatchOp {
  return { op: "replace", path: formatPointer(tokens), value: randomValue(random, 3) };
}

function additionTo(random: Random, tokens: readonly (string | number)[], node: JsonObject | JsonArray): PatchOp {
  const place = Array.isArray(node) ? random.pick([random.below(node.length + 1), "-"]) : random.pick(NAMES);
  return { op: "add", path: formatPointer([...tokens, place]), value: randomValue(random, 3) };
}

/** `value` with every object and array in it frozen: a write to any of them throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

/** Every object and array in `value`, itself included. */
export function containersOf(value: unknown, found: Set<object> = new Set()): Set<object> {
  if (typeof value !== "object" || value === null) return found;
  found.add(value);
  for (const member of Object.values(value)) containersOf(member, found);
  return found;
}
