import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FakeClock } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type ChannelCode,
  type ChannelContext,
  type ChannelDefinition,
  channel,
  joined,
  ok,
  refused,
} from "../channel.js";
import { createPubSub, type PubSub } from "../pubsub.js";
import { type Gate, gate, settle, TestSocket } from "../test-socket.test.util.js";
import { createPresence, type Presence } from "./create-presence.js";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

let clock: FakeClock;
let pubsub: PubSub;
let presence: Presence;

beforeEach(() => {
  clock = new FakeClock();
  pubsub = createPubSub(silent);
  presence = createPresence({ pubsub, clock });
});

afterEach(() => presence.close());

type Name = { readonly name: string };

/** `room:*`, which tracks who joins under the name given, and watches. */
function room(code: Partial<ChannelCode> = {}): ChannelDefinition {
  return channel("room:*", {
    join: (ctx, payload) => {
      presence.track(ctx, (payload as Name).name, { from: "join" });
      presence.watch(ctx);
      return joined(null);
    },
    ...code,
  });
}

/** A client of its own on `room:a`. */
function enter(name: string, definition: ChannelDefinition = room(), limits = {}): TestSocket {
  const socket = new TestSocket([definition], limits, pubsub);
  socket.say("1", "1", "room:a", "phx_join", { name });
  return socket;
}

/** What a client was sent since the last look, refs left out. */
function told(socket: TestSocket): unknown[] {
  const without = (presences: object): unknown =>
    Object.fromEntries(
      Object.entries(presences as Record<string, { metas: object[] }>).map(([key, { metas }]) => [
        key,
        metas.map((meta) => Object.values({ ...meta, phx_ref: undefined, phx_ref_prev: undefined }).filter(Boolean)),
      ]),
    );
  return (socket.take() as [unknown, unknown, string, string, Record<string, object>][]).map(
    ([, , , event, payload]) => {
      if (event === "presence_state") return ["state", without(payload)];
      if (event !== "presence_diff") return event;
      return ["diff", without(payload["joins"] ?? {}), without(payload["leaves"] ?? {})];
    },
  );
}

function namesOn(topic: string): string[] {
  return Object.keys(presence.list(topic)).sort();
}

describe("who watches", () => {
  test("rule 6: gets its answer, then the state with itself in it, then diffs alone", () => {
    const ada = enter("ada");
    expect(told(ada)).toEqual(["phx_reply", ["state", { ada: [["join"]] }]]);
    const bob = enter("bob");
    expect(told(bob)).toEqual(["phx_reply", ["state", { ada: [["join"]], bob: [["join"]] }]]);
    expect(told(ada)).toEqual([["diff", { bob: [["join"]] }, {}]]);
    bob.say("1", "2", "room:a", "phx_leave", {});
    expect(told(ada)).toEqual([["diff", {}, { bob: [["join"]] }]]);
  });

  test("rule 6: misses nothing of what happens while its join takes its time", async () => {
    const going: Gate = gate();
    const slow = room({
      async join(ctx) {
        presence.watch(ctx);
        await going.promise;
        return joined(null);
      },
    });
    const ada = enter("ada");
    const late = enter("late", slow);
    enter("bob");
    ada.session.close("disconnected");
    expect(late.take()).toEqual([]);
    going.open();
    await settle();
    expect(told(late)).toEqual([
      "phx_reply",
      ["state", { ada: [["join"]] }],
      ["diff", { bob: [["join"]] }, {}],
      ["diff", {}, { ada: [["join"]] }],
    ]);
  });

  test("rule 6: who does not watch, or has ended, gets nothing; neither does one on another topic", () => {
    const quiet = enter("quiet", room({ join: () => joined(null) }));
    const gone = enter("gone");
    const other = new TestSocket([room()], {}, pubsub);
    other.say("1", "1", "room:b", "phx_join", { name: "other" });
    gone.session.close("disconnected");
    for (const socket of [quiet, gone, other]) socket.take();
    enter("ada");
    expect([quiet, gone, other].flatMap(told)).toEqual([]);
    expect([namesOn("room:a"), namesOn("room:b")]).toEqual([["ada"], ["other"]]);
  });

  test("rule 7: a channel can intercept presence_diff, while joining too", async () => {
    const going: Gate = gate();
    const nosy = room({
      async join(ctx) {
        presence.watch(ctx);
        await going.promise;
        return joined(null);
      },
      intercept: { presence_diff: (ctx, diff) => ctx.push("seen", Object.keys((diff as { joins: object }).joins)) },
    });
    const watcher = enter("watcher", nosy);
    enter("ada");
    going.open();
    await settle();
    enter("bob");
    await settle();
    expect(watcher.take().slice(-2)).toEqual([
      ["1", null, "room:a", "seen", ["ada"]],
      ["1", null, "room:a", "seen", ["bob"]],
    ]);
  });

  test("rule 8: one that a diff ends leaves behind it, so that the others see it come and go", () => {
    const hanging = room({
      join(ctx, payload) {
        presence.track(ctx, (payload as Name).name);
        presence.watch(ctx);
        return new Promise<never>(() => {});
      },
    });
    const stuck = enter("stuck", hanging, { maxMailbox: 2 });
    const ada = enter("ada");
    told(ada);
    // The state and one diff wait already: the next one is too many.
    enter("bob");
    expect(told(ada)).toEqual([
      ["diff", { bob: [["join"]] }, {}],
      ["diff", {}, { stuck: [[]] }],
    ]);
    expect(stuck.take()).toMatchObject([["1", "1", "room:a", "phx_reply", { status: "error" }]]);
    expect(namesOn("room:a")).toEqual(["ada", "bob"]);
  });
  test("rule 8: one that begins to watch while others are told gets nothing twice", () => {
    let late: ChannelContext | undefined;
    const other = enter("other", room({ join: (ctx) => ((late = ctx), joined(null)) }));
    const fragile = room({
      intercept: { presence_diff: () => {} },
      terminate: () => presence.watch(late as ChannelContext),
    });
    enter("fragile", fragile, { maxMailbox: 0 });
    other.take();
    enter("ada");
    expect(told(other)).toEqual([["state", { ada: [["join"]] }]]);
    enter("bob");
    expect(told(other)).toEqual([["diff", { bob: [["join"]] }, {}]]);
  });

  test("rule 9: nothing is kept of those that have ended", async () => {
    const contexts: WeakRef<ChannelContext>[] = [];
    const counted = room({
      join: (ctx, payload) => {
        contexts.push(new WeakRef(ctx));
        presence.track(ctx, (payload as Name).name);
        presence.watch(ctx);
        return joined(null);
      },
    });
    enter("stays", counted);
    for (let n = 0; n < 20; n++) enter(`guest ${n}`, counted).session.transportClosed();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await expect
      .poll(() => {
        collect();
        return contexts.filter((each) => each.deref() !== undefined).length;
      })
      .toBe(1);
    expect(namesOn("room:a")).toEqual(["stays"]);
  });
});

describe("who is tracked", () => {
  test("rule 9: goes with its channel, however that ends", async () => {
    enter("leaves").say("1", "2", "room:a", "phx_leave", {});
    enter("drops").session.transportClosed();
    enter("crashes").say("1", "2", "room:a", "boom", {});
    const join = (ctx: ChannelContext, payload: unknown): void => presence.track(ctx, (payload as Name).name);
    enter("refused", room({ join: (ctx, payload) => (join(ctx, payload), refused({})) }));
    enter(
      "throws",
      room({
        join: (ctx, payload) => {
          join(ctx, payload);
          throw new Error("no");
        },
      }),
    );
    const late: Gate = gate();
    enter(
      "late",
      room({ join: (ctx, payload) => late.promise.then(() => (join(ctx, payload), joined(null))) }),
    ).session.close("disconnected");
    late.open();
    await settle();
    expect(presence.list("room:a")).toEqual({});
  });

  test("rule 10: has a meta for each channel that tracks it, each with a phx_ref of its own", () => {
    const [phone, laptop] = [enter("ada"), enter("ada")];
    expect(told(phone)).toEqual(["phx_reply", ["state", { ada: [["join"]] }], ["diff", { ada: [["join"]] }, {}]]);
    const refs = presence.list("room:a")["ada"]?.metas.map(({ phx_ref }) => phx_ref) ?? [];
    expect(new Set(refs).size).toBe(2);
    laptop.session.close("disconnected");
    expect(presence.list("room:a")["ada"]?.metas).toEqual([{ from: "join", phx_ref: refs[0] }]);
  });

  test("rule 11: an update leaves and joins in one diff, under a new ref that names the old one", () => {
    let context: ChannelContext | undefined;
    const ada = enter(
      "ada",
      room({
        join: (ctx) => {
          context = ctx;
          presence.track(ctx, "ada", { status: "here" });
          presence.watch(ctx);
          return joined(null);
        },
        handlers: { untrack: (ctx) => (presence.untrack(ctx, "ada"), ok()) },
      }),
    );
    ada.take();
    const at = context as ChannelContext;
    presence.update(at, "ada", (meta) => ({ ...meta, status: "away", phx_ref: "forged" }));
    const [[, , , , diff]] = ada.take() as [[unknown, unknown, unknown, unknown, { joins: object; leaves: object }]];
    const [updated] = Object.values(presence.list("room:a")).flatMap(({ metas }) => metas);
    const { phx_ref, phx_ref_prev, ...meta } = updated ?? { phx_ref: "none" };
    expect(meta).toEqual({ status: "away" });
    expect(diff).toEqual({
      joins: { ada: { metas: [{ status: "away", phx_ref, phx_ref_prev }] } },
      leaves: { ada: { metas: [{ status: "here", phx_ref: phx_ref_prev }] } },
    });
    ada.say("1", "2", "room:a", "untrack", {});
    expect(told(ada)).toEqual([["diff", {}, { ada: [["away"]] }], "phx_reply"]);
  });

  test("rule 12: what makes no sense throws: a key twice, an update of none, a meta that is no object", () => {
    const controller = new AbortController();
    const at = { topic: "jobs", signal: controller.signal };
    presence.track(at, "one", { n: 1 });
    expect(() => presence.track(at, "one")).toThrow('presence "one" on jobs is tracked already');
    expect(() => presence.update(at, "two", {})).toThrow('presence "two" on jobs is not tracked');
    for (const meta of [[1], "x", null, () => 1]) {
      expect(() => presence.update(at, "one", meta as object)).toThrow("no JSON object");
    }
    presence.untrack(at, "two");
    expect(namesOn("jobs")).toEqual(["one"]);
    controller.abort();
    expect(namesOn("jobs")).toEqual([]);
    presence.track(at, "one");
    presence.update(at, "one", {});
    expect(namesOn("jobs")).toEqual([]);
  });

  test("rule 12: a meta changed afterwards, and keys like members of every object, do no harm", () => {
    const at = { topic: "jobs", signal: new AbortController().signal };
    const meta = { tags: ["a"] };
    for (const key of ["__proto__", "constructor", "toString"]) presence.track(at, key, meta);
    meta.tags.push("b");
    const listed = JSON.parse(JSON.stringify(presence.list("jobs"))) as Record<string, object>;
    expect(Object.keys(listed).sort()).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.values(listed)).toMatchObject([1, 2, 3].map(() => ({ metas: [{ tags: ["a"] }] })));
    expect(Object.getPrototypeOf(listed)).toBe(Object.prototype);
  });

  test("rule 9: comes and goes as often as it likes over one listener", () => {
    const { signal } = new AbortController();
    const at = { topic: "jobs", signal };
    for (let time = 0; time < 100; time++) {
      presence.track(at, "one");
      presence.untrack(at);
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
  });
});

describe("several nodes on one PubSub", () => {
  /** A PubSub that can be cut off from the others, as a process that dies or a network that fails. */
  function cuttable(): PubSub & { isCut: boolean } {
    const own = {
      isCut: false,
      publish: (topic: string, message: unknown) => {
        if (!own.isCut) pubsub.publish(topic, structuredClone(message));
      },
      subscribe: (topic: string, listener: (message: unknown) => void) =>
        pubsub.subscribe(topic, (message) => (own.isCut ? undefined : listener(message))),
    };
    return own;
  }

  const at = (topic = "jobs"): { topic: string; signal: AbortSignal } => ({
    topic,
    signal: new AbortController().signal,
  });

  test("rule 13: each lists what the others track, one that begins late too", () => {
    const other = createPresence({ pubsub: cuttable(), clock });
    other.track(at(), "b");
    presence.track(at(), "a");
    const late = createPresence({ pubsub: cuttable(), clock });
    const apart = createPresence({ pubsub, clock, name: "apart" });
    expect([presence, other, late, apart].map((node) => Object.keys(node.list("jobs")).sort())).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", "b"],
      [],
    ]);
    for (const node of [other, late, apart]) node.close();
    expect(namesOn("jobs")).toEqual(["a"]);
  });

  test("rule 14: a node that is not heard any more has gone within 30 s, and one that is heard stays", () => {
    const [dying, living] = [cuttable(), cuttable()];
    // Their signs of life come right after this one's own beats: the longest way to be found dead.
    clock.advance(1);
    const nodes = [dying, living].map((each) => createPresence({ pubsub: each, clock }));
    nodes[0]?.track(at("room:a"), "dead");
    nodes[1]?.track(at("room:a"), "alive");
    const ada = enter("ada");
    told(ada);
    clock.advance(120_000);
    expect(namesOn("room:a")).toEqual(["ada", "alive", "dead"]);
    dying.isCut = true;
    clock.advance(15_000);
    expect(told(ada)).toEqual([]);
    clock.advance(15_000);
    expect(told(ada)).toEqual([["diff", {}, { dead: [[]] }]]);
    expect(namesOn("room:a")).toEqual(["ada", "alive"]);
    // Not dead, as it turns out.
    dying.isCut = false;
    clock.advance(10_000);
    expect(told(ada)).toEqual([["diff", { dead: [[]] }, {}]]);
    expect(nodes.map((node) => Object.keys(node.list("room:a")).sort())).toEqual([
      ["ada", "alive", "dead"],
      ["ada", "alive", "dead"],
    ]);
    for (const node of nodes) node.close();
  });

  test("rule 15: an open one does not keep its process alive", () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
    const before = timers();
    const other = createPresence({ pubsub });
    expect(timers()).toBe(before);
    other.close();
  });

  test("rule 15: a closed one is silent, keeps no timer, and has said goodbye", () => {
    const other = createPresence({ pubsub: cuttable(), clock });
    const held = at();
    other.track(held, "b");
    const pending = clock.pending;
    other.close();
    other.close();
    expect([namesOn("jobs"), clock.pending]).toEqual([[], pending - 1]);
    other.track(held, "c");
    other.untrack(held);
    presence.track(at(), "a");
    expect([namesOn("jobs"), Object.keys(other.list("jobs"))]).toEqual([["a"], ["b"]]);
  });
});
