import { describe, expect, it } from "vitest";
import { HUES } from "../../shared/person.js";
import { openSelf } from "./self.js";

/** As much of a browser's storage as tabs share. */
function createStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    clear: () => items.clear(),
    getItem: (key) => items.get(key) ?? null,
    key: (index) => [...items.keys()][index] ?? null,
    removeItem: (key) => items.delete(key),
    setItem: (key, value) => items.set(key, value),
  };
}

/** Locks as `navigator.locks` has them, for `ifAvailable` requests; `release` closes the tab that holds one. */
function createLocks(): LockManager & { release(name: string): void } {
  const held = new Set<string>();
  return {
    release: (name: string) => held.delete(name),
    query: async () => ({}),
    request: async (name: string, _options: unknown, callback: (lock: unknown) => unknown) => {
      if (held.has(name)) return callback(null);
      held.add(name);
      return callback({ name, mode: "exclusive" });
    },
  } as unknown as LockManager & { release(name: string): void };
}

describe("openSelf", () => {
  it("gives a newcomer a name and a colour, and the same ones at the next visit", async () => {
    const storage = createStorage();
    const first = await openSelf(storage, createLocks());
    expect(first.person.name).toMatch(/^\w+ \w+$/);
    expect(HUES).toContain(first.person.hue);
    const again = await openSelf(storage, createLocks());
    expect(again.person).toEqual({ ...first.person, id: again.person.id });
    expect(again.person.id).not.toBe(first.person.id);
  });

  it("makes a second tab somebody else, and lets a tab that comes back be who it was", async () => {
    const storage = createStorage();
    const locks = createLocks();
    const first = await openSelf(storage, locks);
    first.change({ name: "Ana", hue: "moss" });
    const second = await openSelf(storage, locks);
    second.change({ name: "Bo", hue: "teal" });
    locks.release("musubi-demo:seat:0");
    expect((await openSelf(storage, locks)).person.name).toBe("Ana");
  });

  it("takes what it cannot read for nothing, and works without locks", async () => {
    for (const junk of ["", "{", "null", '{"name":1,"hue":"moss"}', '{"name":"x","hue":"none"}']) {
      const storage = createStorage();
      storage.setItem("musubi-demo:seat:0", junk);
      expect((await openSelf(storage, undefined)).person.name).toMatch(/^\w+ \w+$/);
    }
  });
});
