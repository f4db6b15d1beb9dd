import { SeededRandom } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import type { Presences } from "./directory.js";
import { type Entry, isNodeMessage, type NodeMessage } from "./messages.js";
import { PresenceState, type Step } from "./presence-state.js";

const SILENCE = 20;

/** One step of a node: a key more, those entries less. */
function change(
  state: PresenceState,
  topic: string,
  key: string | null,
  removed: readonly Entry[] = [],
): [Entry, Step] {
  const step = state.next;
  const entry: Entry = { step, topic, key: key ?? "", meta: { phx_ref: `${state.id}${step}` } };
  return [entry, state.change(key === null ? null : entry, removed)];
}

function refsOf(presences: Presences): string[] {
  return Object.entries(presences)
    .flatMap(([key, { metas }]) => metas.map(({ phx_ref }) => `${key} ${phx_ref}`))
    .sort();
}

describe("a peer, by what is known of it and what comes", () => {
  const KINDS = ["part", "beat", "ask", "bye", "silence"] as const;
  type Status = "unknown" | "heard" | "gone";
  const ENTRY: Entry = { step: 1, topic: "t", key: "k", meta: { phx_ref: "peer1" } };
  const PART: NodeMessage = { kind: "part", from: "peer", part: { entries: [ENTRY], upTo: 0, steps: [1] } };
  const ASK = { to: "peer", message: { kind: "ask", from: "self" } };
  const MESSAGES: Record<Exclude<(typeof KINDS)[number], "silence">, NodeMessage> = {
    part: PART,
    beat: { kind: "beat", from: "peer", last: 1 },
    ask: { kind: "ask", from: "peer" },
    bye: { kind: "bye", from: "peer" },
  };
  const OWN = { to: "peer", message: { kind: "part", from: "self" } };
  const join = { joins: { k: { metas: [{ phx_ref: "peer1" }] } }, leaves: {} };
  const leave = { joins: {}, leaves: { k: { metas: [{ phx_ref: "peer1" }] } } };
  // What is told to clients, what is sent, and whether its entry is there afterwards.
  const TABLE: Record<Status, Record<(typeof KINDS)[number], [diff: unknown, send: unknown, isThere: boolean]>> = {
    unknown: {
      part: [join, [], true],
      beat: [undefined, [ASK], false],
      ask: [undefined, [OWN], false],
      bye: [undefined, [], false],
      silence: [undefined, [], false],
    },
    heard: {
      part: [undefined, [], true],
      beat: [undefined, [], true],
      ask: [undefined, [OWN], true],
      bye: [leave, [], false],
      silence: [leave, [], false],
    },
    gone: {
      part: [undefined, [], false],
      beat: [undefined, [], false],
      ask: [undefined, [], false],
      bye: [undefined, [], false],
      silence: [undefined, [], false],
    },
  };

  test.each((["unknown", "heard", "gone"] as const).flatMap((status) => KINDS.map((kind) => [status, kind] as const)))(
    "rule 3: %s, %s",
    (status, kind) => {
      const state = new PresenceState("self", SILENCE, 1_000);
      change(state, "other", "me");
      if (status !== "unknown") state.receive(PART, 0);
      if (status === "gone") state.receive(MESSAGES.bye, 0);
      const step = kind === "silence" ? state.beat(SILENCE) : state.receive(MESSAGES[kind], 1);
      const [diff, send, isThere] = TABLE[status][kind];
      expect(step.diffs.get("t")).toEqual(diff);
      const sent = kind === "silence" ? step.send.filter(({ message }) => message.kind !== "beat") : step.send;
      expect(sent).toMatchObject(send as object);
      expect(sent).toHaveLength((send as unknown[]).length);
      expect(refsOf(state.list("t"))).toEqual(isThere ? ["k peer1"] : []);
    },
  );

  test("rule 3: one that is heard again after its silence comes back, asked for all of it", () => {
    const state = new PresenceState("self", SILENCE, 1_000);
    state.receive(PART, 0);
    expect(state.beat(SILENCE - 1).diffs.size).toBe(0);
    expect(state.beat(SILENCE).diffs.get("t")).toEqual(leave);
    expect(state.receive(MESSAGES.beat, 30).send).toEqual([ASK]);
    expect(state.receive(PART, 31).diffs.get("t")).toEqual(join);
  });
});

test("rule 4: whatever an adapter brings besides, it is no message of a node", () => {
  const part = { entries: [{ step: 1, topic: "t", key: "k", meta: { phx_ref: "r" } }], upTo: 0, steps: [1] };
  expect(isNodeMessage({ kind: "part", from: "a", part })).toBe(true);
  const broken: unknown[] = [
    null,
    "beat",
    [],
    {},
    { kind: "beat", from: "a" },
    { kind: "beat", from: "a", last: -1 },
    { kind: "beat", from: 1, last: 1 },
    { kind: "wave", from: "a" },
    { kind: "part", from: "a" },
    { kind: "part", from: "a", part: { ...part, steps: [0.5] } },
    { kind: "part", from: "a", part: { ...part, upTo: "1" } },
    { kind: "part", from: "a", part: { ...part, entries: {} } },
    { kind: "part", from: "a", part: { ...part, entries: [{ ...part.entries[0], meta: {} }] } },
    { kind: "part", from: "a", part: { ...part, entries: [{ ...part.entries[0], key: 1 }] } },
  ];
  expect(broken.filter(isNodeMessage)).toEqual([]);
});

/** One node of the simulation, with a client that folds its diffs. */
interface Node {
  readonly state: PresenceState;
  readonly held: Entry[];
  readonly client: Set<string>;
  isAlive: boolean;
}

test("rule 5: nodes whose messages are lost, doubled and mixed up agree once they are heard, without the dead", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new SeededRandom(seed);
    const nodes: Node[] = [];
    const wire: { to: Node; message: NodeMessage }[] = [];
    let now = 0;
    let isFaulty = true;
    const perform = (node: Node, { diffs, send }: Step): void => {
      const diff = diffs.get("t");
      for (const ref of refsOf(diff?.joins ?? {})) {
        expect(node.client.has(ref), `seed ${seed}: ${ref} joins once`).toBe(false);
        node.client.add(ref);
      }
      for (const ref of refsOf(diff?.leaves ?? {})) {
        expect(node.client.delete(ref), `seed ${seed}: ${ref} was there`).toBe(true);
      }
      expect([...node.client].sort(), `seed ${seed}: a client has what its node lists`).toEqual(
        refsOf(node.state.list("t")),
      );
      for (const { to, message } of send) {
        for (const peer of nodes) {
          if (to !== null && to !== peer.state.id) continue;
          if (isFaulty && random.chance(0.15)) continue;
          wire.push({ to: peer, message });
          if (isFaulty && random.chance(0.15)) wire.push({ to: peer, message });
        }
      }
    };
    const deliver = (count: number): void => {
      for (let each = 0; each < count && wire.length > 0; each++) {
        const at = isFaulty ? random.integer(0, wire.length - 1) : 0;
        const [{ to, message }] = wire.splice(at, 1) as [(typeof wire)[number]];
        if (to.isAlive) perform(to, to.state.receive(message, now));
      }
    };
    const beat = (): void => {
      now += 5;
      for (const node of nodes) if (node.isAlive) perform(node, node.state.beat(now));
    };
    const begin = (): void => {
      const state = new PresenceState(`n${nodes.length}:`, SILENCE, 1_000);
      const node: Node = { state, held: [], client: new Set(), isAlive: true };
      nodes.push(node);
      perform(node, state.begin());
    };
    for (let round = 0; round < 60; round++) {
      const alive = nodes.filter(({ isAlive }) => isAlive);
      if (alive.length === 0 || (nodes.length < 5 && random.chance(0.1))) begin();
      const node = random.pick(nodes.filter(({ isAlive }) => isAlive));
      if (random.chance(0.04)) {
        node.isAlive = false;
        if (random.chance(0.5))
          perform(node, { diffs: new Map(), send: [{ to: null, message: { kind: "bye", from: node.state.id } }] });
        continue;
      }
      if (random.chance(0.6)) {
        const [entry, step] = change(node.state, "t", `k${random.integer(0, 3)}`);
        node.held.push(entry);
        perform(node, step);
      } else if (node.held.length > 0) {
        const removed = node.held.splice(0, random.integer(1, node.held.length));
        perform(node, change(node.state, "t", null, removed)[1]);
      }
      deliver(random.integer(0, 6));
      if (random.chance(0.2)) beat();
    }
    isFaulty = false;
    for (let round = 0; round < 6; round++) {
      deliver(Number.POSITIVE_INFINITY);
      beat();
    }
    deliver(Number.POSITIVE_INFINITY);
    const alive = nodes.filter(({ isAlive }) => isAlive);
    const expected = alive.flatMap(({ held }) => held.map(({ key, meta }) => `${key} ${meta.phx_ref}`)).sort();
    for (const { state } of alive) expect(refsOf(state.list("t")), `seed ${seed}: ${state.id}`).toEqual(expected);
  }
});
