import type { StoreId } from "@musubi/protocol";

/** Whether two ids are of one store: ids are compared by content (protocol.md section 4). */
export function isSameStoreId(one: StoreId, other: StoreId): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/**
 * Values by store id. Each part of an id leads one level down, so that no string has to be built for a look-up: 25 ns
 * for a freshly parsed id of two parts, against 150 when it is written as JSON first.
 */
export class StoreIdMap<Value> {
  readonly #top: Level<Value> = { value: undefined, below: undefined };

  /** Whether nothing is held but what belongs to `[]`, the root. */
  get holdsOnlyRoot(): boolean {
    return this.#top.below === undefined;
  }

  get(id: StoreId): Value | undefined {
    let level: Level<Value> | undefined = this.#top;
    for (let at = 0; at < id.length && level !== undefined; at++) level = level.below?.get(id[at] as string);
    return level?.value;
  }

  set(id: StoreId, value: Value): void {
    let level = this.#top;
    for (let at = 0; at < id.length; at++) {
      const part = id[at] as string;
      level.below ??= new Map();
      let next = level.below.get(part);
      if (next === undefined) {
        next = { value: undefined, below: undefined };
        level.below.set(part, next);
      }
      level = next;
    }
    level.value = value;
  }

  delete(id: StoreId): void {
    const around: Level<Value>[] = [];
    let level = this.#top;
    for (const part of id) {
      const next = level.below?.get(part);
      if (next === undefined) return;
      around.push(level);
      level = next;
    }
    level.value = undefined;
    // Levels that lead nowhere any more go too.
    for (let at = id.length - 1; at >= 0 && level.value === undefined && level.below === undefined; at--) {
      level = around[at] as Level<Value>;
      level.below?.delete(id[at] as string);
      if (level.below?.size === 0) level.below = undefined;
    }
  }
}

interface Level<Value> {
  value: Value | undefined;
  below: Map<string, Level<Value>> | undefined;
}
