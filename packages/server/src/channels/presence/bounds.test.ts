import { FakeClock } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import { consoleLogger } from "../../logger.js";
import { createPubSub } from "../pubsub.js";
import { createPresence, type Presence, type PresenceOptions } from "./create-presence.js";
import type { Entry, NodeMessage } from "./messages.js";
import { PresenceState, type Step } from "./presence-state.js";

const OVERLOADED = expect.objectContaining({ code: "overloaded" });

function presenceWith(options: Partial<PresenceOptions>): Presence {
  return createPresence({ pubsub: createPubSub(consoleLogger), clock: new FakeClock(), ...options });
}

/** Something on a topic that can end. */
function presentee(topic = "jobs"): { topic: string; signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  return { topic, signal: controller.signal, end: () => controller.abort() };
}

test("rule 16: a channel tracks no more than maxKeys at once, whatever its client asks for", () => {
  const presence = presenceWith({ maxKeys: 3 });
  const [at, other] = [presentee(), presentee()];
  for (const key of ["a", "b", "c"]) presence.track(at, key);
  expect(() => presence.track(at, "d")).toThrow(OVERLOADED);
  expect(Object.keys(presence.list("jobs"))).toEqual(["a", "b", "c"]);
  // What is there can change, and another channel has keys of its own.
  presence.update(at, "a", { is: "busy" });
  presence.track(other, "d");
  presence.untrack(at, "a");
  presence.track(at, "e");
  expect(Object.keys(presence.list("jobs")).sort()).toEqual(["b", "c", "d", "e"]);
  presence.close();
});

test("rule 16: a node tracks no more than maxEntries, on all topics together, and goes on once some have left", () => {
  const presence = presenceWith({ maxEntries: 3 });
  const all = ["a", "b", "c"].map((topic) => presentee(topic));
  for (const at of all) presence.track(at, "key");
  const late = presentee("d");
  expect(() => presence.track(late, "key")).toThrow(OVERLOADED);
  for (let n = 0; n < 5; n++) presence.update(all[0] as (typeof all)[0], "key", { n });
  all[1]?.end();
  presence.track(late, "key");
  expect(["a", "b", "c", "d"].map((topic) => Object.keys(presence.list(topic)).length)).toEqual([1, 0, 1, 1]);
  presence.close();
});

describe("what other nodes send", () => {
  const entriesOf = (node: string, count: number): Entry[] =>
    Array.from({ length: count }, (_, at) => ({
      step: at + 1,
      topic: "t",
      key: `${node}${at + 1}`,
      meta: { phx_ref: `${node}-${at + 1}` },
    }));
  const whole = (from: string, entries: readonly Entry[]): NodeMessage => ({
    kind: "part",
    from,
    part: { entries, upTo: entries.length, steps: [] },
  });
  const left = ({ diffs }: Step): string[] => Object.keys(diffs.get("t")?.leaves ?? {});

  test("rule 16: a node whose entries do not fit is left out as a whole, until they do", () => {
    const state = new PresenceState("self", 20, 5);
    state.receive(whole("a", entriesOf("a", 3)), 0);
    expect(state.receive(whole("b", entriesOf("b", 3)), 0).diffs.size).toBe(0);
    expect(Object.keys(state.list("t"))).toEqual(["a1", "a2", "a3"]);
    // One step more than fits, of a node that was there.
    state.receive(whole("c", entriesOf("c", 2)), 0);
    expect(state.isFull).toBe(true);
    const [, , , fourth] = entriesOf("a", 4) as [Entry, Entry, Entry, Entry];
    const part = { entries: [fourth], upTo: 0, steps: [4] };
    expect(left(state.receive({ kind: "part", from: "a", part }, 1))).toEqual(["a1", "a2", "a3"]);
    expect(Object.keys(state.list("t"))).toEqual(["c1", "c2"]);
    // At its next sign of life it is asked for all of it, which fits if it has become less.
    expect(state.receive({ kind: "beat", from: "a", last: 4 }, 2).send).toMatchObject([
      { to: "a", message: { kind: "ask" } },
    ]);
    state.receive({ kind: "part", from: "a", part: { entries: entriesOf("a", 2), upTo: 4, steps: [] } }, 3);
    expect(Object.keys(state.list("t"))).toEqual(["c1", "c2", "a1", "a2"]);
    // An update of what is there always fits.
    state.receive(whole("d", entriesOf("d", 1)), 3);
    const [own] = entriesOf("c", 1) as [Entry];
    const update = { ...own, step: 3, meta: { phx_ref: "c-3" } };
    state.receive({ kind: "part", from: "c", part: { entries: [update], upTo: 0, steps: [3, 1] } }, 4);
    expect(Object.keys(state.list("t")).sort()).toEqual(["a1", "a2", "c1", "c2", "d1"]);
  });

  test("rule 16: more than a thousand nodes are not heard, until some have gone", () => {
    const state = new PresenceState("self", 20, 5);
    for (let n = 0; n < 1_000; n++) state.receive({ kind: "ask", from: `n${n}` }, n < 500 ? 0 : 10);
    state.receive(whole("late", entriesOf("late", 1)), 10);
    expect(state.list("t")).toEqual({});
    state.receive(whole("n0", entriesOf("n0", 1)), 10);
    expect(Object.keys(state.list("t"))).toEqual(["n01"]);
    state.beat(20);
    state.receive(whole("late", entriesOf("late", 1)), 20);
    expect(Object.keys(state.list("t"))).toEqual(["n01", "late1"]);
  });

  test("rule 16: of no node are more than ten thousand steps kept while some before them are missing", () => {
    const state = new PresenceState("self", 20, 5);
    state.receive({ kind: "part", from: "a", part: { entries: entriesOf("a", 1), upTo: 0, steps: [1] } }, 0);
    const steps = Array.from({ length: 10_000 }, (_, at) => at + 3);
    expect(state.receive({ kind: "part", from: "a", part: { entries: [], upTo: 0, steps } }, 1).diffs.size).toBe(0);
    expect(Object.keys(state.list("t"))).toEqual(["a1"]);
    const more = { entries: [], upTo: 0, steps: [10_003] };
    expect(left(state.receive({ kind: "part", from: "a", part: more }, 2))).toEqual(["a1"]);
    // Then it is one that is not known.
    const { send } = state.receive({ kind: "beat", from: "a", last: 10_003 }, 3);
    expect(send).toMatchObject([{ to: "a", message: { kind: "ask" } }]);
  });
});
