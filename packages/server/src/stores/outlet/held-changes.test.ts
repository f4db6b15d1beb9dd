import { expect, test } from "vitest";
import type { Cycle } from "../cycle.js";
import type { Instance } from "../instance.js";
import { HeldChanges } from "./held-changes.js";

/** As much of a store, and of what a message changed, as is looked at here. */
function storeAt(key: string): Instance {
  const definition = { uploads: new Map([["file", {}]]) };
  return { key, storeId: [key], streams: new Map(), definition, state: { detached: false } } as unknown as Instance;
}
function change(parts: Partial<Record<"removed" | "mounted" | "uploadOps" | "told", unknown>>): Cycle {
  const none = { removed: new Set(), mounted: [], streamOps: [], uploadOps: [], events: [], told: [] };
  return { ...none, ...parts } as unknown as Cycle;
}

test("rule 8: who waits for what was dropped with its store is counted, and told in the end", () => {
  const held = new HeldChanges({});
  let told = 0;
  for (let n = 0; n < 100; n++) {
    const instance = storeAt("row");
    const op = { op: "complete", upload: "file", store_id: ["row"], ref: `${n}` };
    held.add(change({ mounted: [instance] }));
    held.add(change({ uploadOps: [{ instance, op }], told: [() => (told += 1)] }));
    held.add(change({ removed: new Set([instance]) }));
  }
  expect(held.parts({}).uploadOps).toEqual([]);
  expect(held.count).toBe(100);
  held.tell();
  expect(told).toBe(100);
});
