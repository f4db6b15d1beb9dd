import type { StoreId } from "@musubi/protocol";

/** Whether two ids are of one store: ids are compared by content (protocol.md section 4). */
export function isSameStoreId(one: StoreId, other: StoreId): boolean {
  return one === other || (one.length === other.length && one.every((part, at) => part === other[at]));
}

/**
 * Values by store id. Each part of an id leads one level down, so that no string has to be built for a look-up: 25 ns
 * for a freshly parsed id of two parts, against 150 when it is written as JSON first.
 */
export class StoreIdMap<Value> {
  readonly #top: Level<Value> = { value: undefined, below: undefined };

  /** Whether nothing is held but what belongs to `[]`, the root. */
  get holdsOnlyRoot(): boolean {
    return !this.#top.below?.size;
  }

  get(id: StoreId): Value | undefined {
    let level: Level<Value> | undefined = this.#top;
    for (let at = 0; at < id.length && level !== undefined; at++) level = level.below?.get(id[at] as string);
    return level?.value;
  }

  set(id: StoreId, value: Value): void {
    let level = this.#top;
    for (let at = 0; at < id.length; at++) {
      const below = (level.below ??= new Map<string, Level<Value>>());
      let next = below.get(id[at] as string);
      if (next === undefined) below.set(id[at] as string, (next = { value: undefined, below: undefined }));
      level = next;
    }
    level.value = value;
  }

  delete(id: StoreId): void {
    const levels = [this.#top];
    for (const part of id) {
      const next = levels.at(-1)?.below?.get(part);
      if (next === undefined) return;
      levels.push(next);
    }
    // Levels that lead nowhere any more go too.
    for (let at = id.length; at >= 0; at--) {
      const level = levels[at] as Level<Value>;
      if (at === id.length) level.value = undefined;
      else level.below?.delete(id[at] as string);
      if (level.value !== undefined || level.below?.size) return;
    }
  }
}

interface Level<Value> {
  value: Value | undefined;
  below: Map<string, Level<Value>> | undefined;
}
