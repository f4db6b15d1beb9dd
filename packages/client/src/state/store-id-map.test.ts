import { storeIdKey } from "@musubi/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSameStoreId, StoreIdMap } from "./store-id-map.js";

const ids = fc.array(fc.constantFrom("a", "b", "ab", "", "1"), { maxLength: 4 });

describe("values by store id", () => {
  test("protocol.md 4: ids are compared by content, whatever their parts join to", () => {
    const step = fc.record({ id: ids, value: fc.option(fc.nat(), { nil: undefined }) });
    const run = (steps: readonly { id: string[]; value: number | undefined }[], asked: readonly string[][]): void => {
      const held = new StoreIdMap<number>();
      const model = new Map<string, number>();
      for (const { id, value } of steps) {
        if (value === undefined) {
          held.delete(id);
          model.delete(storeIdKey(id));
        } else {
          held.set(id, value);
          model.set(storeIdKey(id), value);
        }
        for (const each of [...asked, id, id.slice(0, -1)]) expect(held.get(each)).toBe(model.get(storeIdKey(each)));
        const others = Array.from(model.keys()).filter((key) => key !== storeIdKey([]));
        expect(held.holdsOnlyRoot).toBe(others.length === 0);
      }
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), fc.array(ids, { maxLength: 5 }), run));
  });

  test("protocol.md 4: two ids are of one store exactly when their keys are equal", () => {
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        expect(isSameStoreId(one, other)).toBe(storeIdKey(one) === storeIdKey(other));
      }),
    );
  });

  test("client.md 18: an id of very many parts costs no stack", () => {
    const id = Array.from({ length: 100_000 }, () => "a");
    const held = new StoreIdMap<number>();
    held.set(id, 1);
    expect(held.get(id)).toBe(1);
    held.delete(id);
    expect(held.holdsOnlyRoot).toBe(true);
  });
});
