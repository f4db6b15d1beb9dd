import { SeededRandom } from "@musubi/testing";
import { expect, test } from "vitest";
import type { Entry, Part } from "./messages.js";
import { Replica } from "./replica.js";

function entry(step: number): Entry {
  return { step, topic: `t${step % 3}`, key: `k${step % 5}`, meta: { phx_ref: `r${step}` } };
}

/** A node's life: what it told in each step, and what it held in between. */
function live(random: SeededRandom): { own: Replica; parts: Part[] } {
  const own = new Replica();
  const parts: Part[] = [];
  for (let step = 1; step <= 30; step++) {
    const removed = [...own.entries].filter(() => random.chance(0.2)).map((each) => each.step);
    const entries = random.chance(0.7) ? [entry(step)] : [];
    const part = { entries, upTo: 0, steps: [step, ...removed] };
    own.merge(part);
    parts.push(part);
    if (random.chance(0.1)) parts.push(own.whole);
  }
  return { own, parts };
}

function shuffled<T>(random: SeededRandom, items: readonly T[]): T[] {
  return items
    .map((item) => [random.next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

const refs = (replica: Replica): string[] => [...replica.entries].map(({ meta }) => meta.phx_ref).sort();

test("rule 1: parts in any order, twice, or gathered by others first, come to the same", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const { own, parts } = live(random);
    const twice = [...parts, ...parts.filter(() => random.chance(0.3))];
    // What a third node has gathered comes as one part in the place of some of them.
    const gathered = new Replica();
    const rest = shuffled(random, twice).filter((part) => {
      if (random.chance(0.5)) return true;
      gathered.merge(part);
      return false;
    });
    const replica = new Replica();
    const seen = new Map<string, "here" | "gone">();
    for (const part of shuffled(random, [...rest, gathered.whole])) {
      const { added, removed } = replica.merge(part);
      for (const { meta } of added) {
        expect(seen.has(meta.phx_ref), `seed ${seed}: ${meta.phx_ref} came twice`).toBe(false);
        seen.set(meta.phx_ref, "here");
      }
      for (const { meta } of removed) {
        expect(seen.get(meta.phx_ref), `seed ${seed}: ${meta.phx_ref} left`).toBe("here");
        seen.set(meta.phx_ref, "gone");
      }
      expect(
        [...seen]
          .filter(([, where]) => where === "here")
          .map(([ref]) => ref)
          .sort(),
        `seed ${seed}`,
      ).toEqual(refs(replica));
    }
    expect(refs(replica), `seed ${seed}`).toEqual(refs(own));
    expect(replica.upTo, `seed ${seed}`).toBe(30);
  }
});

test("rule 2: what is missing shows, until a whole part closes the gap", () => {
  const [own, late] = [new Replica(), new Replica()];
  for (const step of [1, 2, 3, 4]) {
    const part = { entries: [entry(step)], upTo: 0, steps: step === 4 ? [4, 2] : [step] };
    own.merge(part);
    if (step !== 3) late.merge(part);
  }
  expect([late.upTo, refs(late)]).toEqual([2, ["r1", "r4"]]);
  expect(late.merge(own.whole)).toEqual({ added: [entry(3)], removed: [] });
  expect([late.upTo, refs(late)]).toEqual([4, ["r1", "r3", "r4"]]);
});

test("rule 1: a removal that comes before what it removes keeps it out", () => {
  const replica = new Replica();
  expect(replica.merge({ entries: [], upTo: 0, steps: [2, 1] })).toEqual({ added: [], removed: [] });
  expect(replica.merge({ entries: [entry(1)], upTo: 0, steps: [1] })).toEqual({ added: [], removed: [] });
  expect(refs(replica)).toEqual([]);
});
