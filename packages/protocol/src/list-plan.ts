import { deepEqual } from "./deep-equal.js";
import type { JsonArray, JsonValue } from "./json.js";
import { longestRise } from "./longest-rise.js";
import { isStoreNode, STORE_ID_KEY, type StoreId, storeIdKey } from "./store-id.js";

/** How one list becomes another: take the `removed` out, put the `added` in, then look into the `paired`. */
export interface ListPlan {
  /** Positions in the former list, highest first. */
  readonly removed: readonly number[];
  /** Positions in the new list, lowest first. */
  readonly added: readonly number[];
  /** Elements that stay and differ: positions in the former list, and the same elements' in the new one. */
  readonly pairedBefore: readonly number[];
  readonly pairedAfter: readonly number[];
  /** Whether ids told what stays; then `staying` is how many elements do. */
  readonly keyed: boolean;
  readonly staying: number;
}

/**
 * Plans the change of one list into another. What is equal or the same store at both ends stays. Between these ends,
 * when all elements are store nodes with ids of their own, the longest run of stores that are in order in both stays
 * and every other one is removed and added; otherwise elements are paired by position.
 */
export function planList(prev: JsonArray, next: JsonArray): ListPlan {
  const pairedBefore: number[] = [];
  const pairedAfter: number[] = [];
  const stays = (before: number, after: number): boolean => {
    const a = prev[before] as JsonValue;
    const b = next[after] as JsonValue;
    if (a === b) return true;
    if (!isSameStore(a, b)) return !isStoreNode(a) && deepEqual(a, b);
    pairedBefore.push(before);
    pairedAfter.push(after);
    return true;
  };
  let start = 0;
  let prevEnd = prev.length;
  let nextEnd = next.length;
  while (start < prevEnd && start < nextEnd && stays(start, start)) start += 1;
  while (start < prevEnd && start < nextEnd && stays(prevEnd - 1, nextEnd - 1)) {
    prevEnd -= 1;
    nextEnd -= 1;
  }
  const staying = start + prev.length - prevEnd;
  const removed: number[] = [];
  const added: number[] = [];
  const sources = sourcesById(prev, next, start, prevEnd, nextEnd);
  if (sources === undefined) {
    const paired = Math.min(prevEnd, nextEnd);
    for (let at = start; at < paired; at++) {
      pairedBefore.push(at);
      pairedAfter.push(at);
    }
    for (let at = prevEnd - 1; at >= paired; at--) removed.push(at);
    for (let at = paired; at < nextEnd; at++) added.push(at);
    return { removed, added, pairedBefore, pairedAfter, keyed: false, staying };
  }
  const rise = longestRise(sources);
  let kept = rise.length - 1;
  // From the back: a position of the former list is removed unless the run that stays holds it.
  for (let at = prevEnd - 1; at >= start; at--) {
    if (kept >= 0 && sources[rise[kept] as number] === at) kept -= 1;
    else removed.push(at);
  }
  kept = 0;
  for (let at = start; at < nextEnd; at++) {
    if (rise[kept] !== at - start) {
      added.push(at);
      continue;
    }
    kept += 1;
    const before = sources[at - start] as number;
    if (prev[before] !== next[at]) {
      pairedBefore.push(before);
      pairedAfter.push(at);
    }
  }
  return { removed, added, pairedBefore, pairedAfter, keyed: true, staying: staying + rise.length };
}

/**
 * For each element between the ends of the new list its position in the former one, -1 for a new store; `undefined`
 * when ids do not tell: an element is no store node, or an id comes twice.
 */
function sourcesById(
  prev: JsonArray,
  next: JsonArray,
  start: number,
  prevEnd: number,
  nextEnd: number,
): number[] | undefined {
  const positions = new Map<string, number>();
  for (let at = start; at < prevEnd; at++) {
    const key = keyOf(prev[at]);
    if (key === undefined || positions.has(key)) return undefined;
    positions.set(key, at);
  }
  const seen = new Set<string>();
  const sources: number[] = [];
  for (let at = start; at < nextEnd; at++) {
    const key = keyOf(next[at]);
    if (key === undefined || seen.has(key)) return undefined;
    seen.add(key);
    sources.push(positions.get(key) ?? -1);
  }
  return sources;
}

function keyOf(value: JsonValue | undefined): string | undefined {
  return isStoreNode(value) ? storeIdKey(value[STORE_ID_KEY]) : undefined;
}

function isSameStore(a: JsonValue, b: JsonValue): boolean {
  return isStoreNode(a) && isStoreNode(b) && sameStoreId(a[STORE_ID_KEY], b[STORE_ID_KEY]);
}

function sameStoreId(a: StoreId, b: StoreId): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return false;
  }
  return true;
}
