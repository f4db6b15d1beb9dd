import { deepEqual } from "./deep-equal.js";
import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import { jsonSize } from "./json-size.js";
import { planList } from "./list-plan.js";
import type { PatchOp } from "./patch-op.js";
import { escapeToken, isRefusedToken } from "./pointer.js";
import { isStoreNode, STORE_ID_KEY } from "./store-id.js";

/** What an op costs in JSON text beside its path and its value. */
const OP_SIZE = 33;
const REMOVE_SIZE = 26;

/**
 * How many of a list's structural ops one store that stays where it is weighs: a list of stores is replaced whole only
 * when fewer than one in this many would keep its place.
 */
const STAY_WEIGHT = 8;

/**
 * The ops that turn `prev` into `next`: `applyPatch(prev, diff(prev, next))` deep-equals `next`.
 *
 * Identical (`===`) subtrees are skipped at once, so for trees that share what did not change the cost is what did,
 * plus one comparison per element of the arrays and per member of the objects on the way.
 *
 * - Objects go member by member. Two store nodes with different ids, or a store node and something else, are replaced
 *   whole: no op leads into a store id.
 * - In lists of store nodes the ids tell what was inserted, removed and moved (the fewest moves; each a remove and an
 *   add). In other arrays equal elements at both ends stay, the ones between change in place, the rest comes or goes at
 *   their end.
 * - Where two or more ops in one container would be longer than the container itself (by an estimate of the JSON
 *   text), it is replaced whole. Store nodes, and containers that hold some, are never replaced for that reason, for the
 *   stores in them that did not change would seem changed; except a list in which hardly any store keeps its place.
 * - A change of a member that no path may name (`constructor`, `prototype`) replaces the object.
 *
 * Values are trusted to be JSON of at most 256 levels.
 */
export function diff(prev: JsonValue, next: JsonValue): PatchOp[] {
  const differ = new Differ();
  differ.walk(prev, next, "");
  return differ.ops;
}

class Differ {
  readonly ops: PatchOp[] = [];

  walk(prev: JsonValue, next: JsonValue, path: string): void {
    if (prev === next) return;
    if (typeof prev !== "object" || typeof next !== "object" || prev === null || next === null) {
      this.#replace(path, next);
    } else if (Array.isArray(prev)) {
      if (Array.isArray(next)) this.#arrays(prev as JsonArray, next as JsonArray, path);
      else this.#replace(path, next);
    } else if (Array.isArray(next) || !sameIdentity(prev as JsonObject, next as JsonObject)) {
      this.#replace(path, next);
    } else {
      this.#objects(prev as JsonObject, next as JsonObject, path);
    }
  }

  #objects(prev: JsonObject, next: JsonObject, path: string): void {
    const from = this.ops.length;
    for (const key in prev) {
      if (Object.hasOwn(next, key)) continue;
      if (isRefusedToken(key)) return this.#replaceSince(from, path, next);
      this.ops.push({ op: "remove", path: `${path}/${escapeToken(key)}` });
    }
    for (const key in next) {
      const value = next[key] as JsonValue;
      const former = prev[key];
      if (former === value || key === STORE_ID_KEY) continue;
      if (isRefusedToken(key)) {
        if (Object.hasOwn(prev, key) && deepEqual(former as JsonValue, value)) continue;
        return this.#replaceSince(from, path, next);
      }
      const place = `${path}/${escapeToken(key)}`;
      // What an object inherits is a function, which no JSON value is.
      if (former === undefined || typeof former === "function") this.ops.push({ op: "add", path: place, value });
      else this.walk(former, value, place);
    }
    this.#shorten(from, path, next, false);
  }

  #arrays(prev: JsonArray, next: JsonArray, path: string): void {
    const from = this.ops.length;
    const { removed, added, pairedBefore, pairedAfter, keyed, staying } = planList(prev, next);
    for (const at of removed) this.ops.push({ op: "remove", path: `${path}/${at}` });
    for (const at of added) this.ops.push({ op: "add", path: `${path}/${at}`, value: next[at] as JsonValue });
    for (let pair = 0; pair < pairedAfter.length; pair++) {
      const at = pairedAfter[pair] as number;
      this.walk(prev[pairedBefore[pair] as number] as JsonValue, next[at] as JsonValue, `${path}/${at}`);
    }
    this.#shorten(from, path, next, keyed && staying * STAY_WEIGHT <= removed.length + added.length);
  }

  /** Replaces the ops since `from`, all of them in the container `next`, by the container when that is shorter. */
  #shorten(from: number, path: string, next: JsonObject | JsonArray, stores: boolean): void {
    if (this.ops.length - from < 2 || (!Array.isArray(next) && isStoreNode(next))) return;
    let size = -OP_SIZE - path.length;
    for (let at = from; at < this.ops.length; at++) size += opSize(this.ops[at] as PatchOp);
    if (jsonSize(next, size, stores) < size) this.#replaceSince(from, path, next);
  }

  #replace(path: string, value: JsonValue): void {
    this.ops.push({ op: "replace", path, value });
  }

  #replaceSince(from: number, path: string, value: JsonValue): void {
    this.ops.length = from;
    this.#replace(path, value);
  }
}

function opSize(op: PatchOp): number {
  if (op.op === "remove") return REMOVE_SIZE + op.path.length;
  return OP_SIZE + op.path.length + jsonSize(op.value, Number.POSITIVE_INFINITY, true);
}

/** Whether neither is a store node, or both are the same one. */
function sameIdentity(prev: JsonObject, next: JsonObject): boolean {
  const before = prev[STORE_ID_KEY];
  const after = next[STORE_ID_KEY];
  return before === after || (before !== undefined && after !== undefined && deepEqual(before, after));
}
