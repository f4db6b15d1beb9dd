import { change, type EnvelopeMembers, type Scenario, scenario } from "@musubi/testing";
import { describe, expect, test } from "vitest";

// protocol.md sections 3, 5 and 7, told as scenarios: after each step the testing kit also checks versions, trees,
// listeners and snapshots against a reading of the wire of its own.

const ROOT = "Counter:a";
const { set, add, remove, insert, drop, emit } = change;
const FIELDS = { id: "a", count: 0, list: [1, 2, 3] };
const IDEMPOTENT = {
  session: { id: "s1", token: "t1", idle_timeout_ms: 1_000 },
  features: ["resume", "idempotent_commands"],
};

const live = (name: string): Scenario => scenario(name).connects().mounts(ROOT, FIELDS);

/** A value of this many levels. */
const nested = (levels: number): never => {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value as never;
};

describe("what a live root does with an envelope (protocol.md 3, the table)", () => {
  test("the next version: applied", () =>
    live("next").serverSends(ROOT, set("/count", 1)).sees(ROOT, { count: 1 }).hears(ROOT, 1).run());

  test("a version it has: dropped as a duplicate", () =>
    live("duplicate")
      .serverSends(ROOT, set("/count", 1))
      .serverSendsAs(ROOT, { from: 1 }, set("/count", 5))
      .serverSends(ROOT, set("/count", 2))
      .serverSendsAs(ROOT, { from: 1 }, set("/count", 5))
      .serverRepeats(ROOT)
      .sees(ROOT, { count: 2 })
      .hears(ROOT, 2)
      .rootIs(ROOT, "live")
      .run());

  test("0 to 1 that replaces the whole: a restart in place", () =>
    live("restart in place")
      .dispatches(ROOT, "wait")
      .clientPushes("command")
      .serverSends(ROOT, set("/count", 1))
      .serverBegins(ROOT, { count: 10 })
      .rejects("wait", { kind: "interrupted", fate: "unknown" })
      .sees(ROOT, { count: 10, list: undefined })
      .serverSends(ROOT, set("/count", 11))
      .sees(ROOT, { count: 11 })
      .clientPushesNothing()
      .run());

  test("0 to 1 leaves commands alone that the server recognises", () =>
    scenario("restart in place, idempotent")
      .connects(IDEMPOTENT)
      .mounts(ROOT, FIELDS)
      .dispatches(ROOT, "wait")
      .clientPushes("command")
      .serverBegins(ROOT, { count: 10 })
      .pends("wait")
      .serverReplies("wait", { done: true })
      .resolves("wait", { done: true })
      .run());

  test.each<readonly [string, EnvelopeMembers]>([
    ["a gap", { from: 2, ops: [set("/count", 9)] }],
    ["a leap", { from: 1, to: 3, ops: [set("/count", 9)] }],
    ["a leap to the next version", { from: 0, to: 2, ops: [set("/count", 9)] }],
    ["an op that leads nowhere", { from: 1, ops: [set("/nope/deeper", 9)] }],
    ["an op that fails in the middle", { from: 1, ops: [set("/count", 9), remove("/list/7")] }],
    ["an index with a leading zero", { from: 1, ops: [set("/list/01", 9)] }],
    ["an index past the end", { from: 1, ops: [add("/list/4", 9)] }],
    ["a path that does not begin with a slash", { from: 1, ops: [set("count", 9)] }],
    ["an op of another kind", { from: 1, ops: [{ op: "move", from: "/count", path: "/list/0" }] }],
    ["a prototype key in a path", { from: 1, ops: [add("/__proto__/polluted", 9)] }],
    ["a prototype key in a value", { from: 1, ops: [add("/x", JSON.parse('{"__proto__":{"p":1}}') as never)] }],
    ["a value of more than 256 levels", { from: 1, ops: [set("/count", nested(257))] }],
    ["ops that are no list", { from: 1, ops: "nope" }],
    ["stream ops of a wrong shape", { from: 1, stream_ops: [{ op: "insert" }] }],
    ["events of a wrong shape", { from: 1, events: [{ payload: {} }] }],
    ["versions that are no numbers", { from: "1", to: 2 }],
    ["another type", { from: 1, type: "batch" }],
    ["0 to 1 that does not replace the whole", { from: 0, ops: [set("/count", 9)] }],
    ["a whole that is no root store", { from: 0, ops: [set("", { count: 9 })] }],
    ["a whole that is nothing", { from: 1, ops: [set("", null)] }],
  ])("%s: recovers, and nothing of the envelope shows", (name, members) =>
    live(name)
      .serverSendsAs(ROOT, members)
      .rootIs(ROOT, "recovering")
      .sees(ROOT, FIELDS)
      .hears(ROOT, 0)
      .clientPushes("unmount", { root_id: ROOT })
      .serverAccepts("unmount")
      .clientPushes("mount", { module: "Counter", id: "a", params: {} })
      .serverMounts(ROOT, { ...FIELDS, count: 100 })
      .sees(ROOT, { count: 100 })
      .hears(ROOT, 1)
      .does("no prototype was written to", () => expect(({} as { polluted?: unknown }).polluted).toBeUndefined())
      .run(),
  );

  test("fields that nobody knows are ignored, and so are events that nobody knows", () =>
    live("unknown")
      .serverSendsAs(ROOT, { from: 1, confetti: true }, set("/count", 1))
      .serverPushes("confetti", { root_id: ROOT, colours: 7 })
      .sees(ROOT, { count: 1 })
      .clientPushesNothing()
      .run());

  test("paths are JSON pointers: escapes, and - at the end of an array", () =>
    live("pointers")
      .serverSends(ROOT, add("/a~1b~0c", 1), add("/list/-", 4), add("/list/0", 0), remove("/id"))
      .sees(ROOT, { "a/b~c": 1, list: [0, 1, 2, 3, 4], id: undefined })
      .run());
});

describe("an envelope is applied in order, wholly", () => {
  const log = { __musubi_stream__: "log" };

  test("protocol.md 3: one with stream entries or events alone takes a version", () =>
    scenario("versions")
      .connects({ features: ["events"] })
      .mounts(ROOT, { log })
      .serverSends(ROOT, insert("log", "a", 1))
      .serverSends(ROOT, emit("rung"))
      .hears(ROOT, 1)
      .serverSends(ROOT, insert("log", "b", 2))
      .sees(ROOT, { log: [1, 2] })
      .run());

  test("protocol.md 3: an event is dispatched when the state of its envelope is visible", () => {
    let seen: unknown;
    return scenario("order")
      .connects({ features: ["events"] })
      .mounts(ROOT, { count: 0, log })
      .does("looks at the state when the event comes", (stage) => {
        const store = stage.root(ROOT).opened.store as unknown as Emitter;
        store.handleEvent("rung", () => (seen = store.snapshot()));
      })
      .serverSends(ROOT, emit("rung"), insert("log", "a", 1), set("/count", 1))
      .does("it was all there", () => expect(seen).toMatchObject({ count: 1, log: [1] }))
      .run();
  });

  test("protocol.md 7: events come at most once: not with a duplicate, not with what is not applied", () =>
    scenario("events")
      .connects({ features: ["events"] })
      .mounts(ROOT, { count: 0 })
      .listensTo(ROOT, "rung")
      .serverSends(ROOT, emit("rung", { n: 1 }))
      .serverRepeats(ROOT)
      .hearsEvents(ROOT, "rung", { n: 1 })
      .serverSendsAs(ROOT, { from: 2 }, set("/nope/deeper", 1), emit("rung", { n: 2 }))
      .hearsEvents(ROOT, "rung")
      .serverAccepts("unmount")
      .serverMounts(ROOT, { count: 1 }, emit("rung", { n: 3 }))
      .hearsEvents(ROOT, "rung", { n: 3 })
      .run());

  test("protocol.md 3: an initial envelope starts with no streams, whatever was held, or brings its own", () =>
    scenario("streams")
      .connects()
      .mounts(ROOT, { log }, insert("log", "a", 1))
      .sees(ROOT, { log: [1] })
      .serverBegins(ROOT, { log })
      .sees(ROOT, { log: [] })
      .hears(ROOT, 1)
      .serverSends(ROOT, insert("log", "b", 2))
      .serverBegins(ROOT, { log }, insert("log", "c", 3))
      .sees(ROOT, { log: [3] })
      .run());

  test("protocol.md 3: what begins anew as it was keeps its identity, and only the changed stores are heard of", () => {
    const row = (id: string, n: number) => ({ __musubi_store_id__: ["rows", id], n });
    return scenario("begins anew")
      .connects()
      .mounts(ROOT, { rows: [row("1", 0), row("2", 0)] })
      .serverBegins(ROOT, { rows: [row("1", 0), row("2", 5)] })
      .hears(ROOT, 1)
      .hears({ root: ROOT, at: ["rows", "1"] }, 0)
      .hears({ root: ROOT, at: ["rows", "2"] }, 1)
      .run();
  });

  test("protocol.md 5: stream ops of a store that is not in the tree are ignored", () =>
    scenario("nobody's stream")
      .connects()
      .mounts(ROOT, { log })
      .serverSends(ROOT, insert("log", "a", 1, { storeId: ["gone"] }), insert("log", "b", 2), drop("log", "unheard-of"))
      .sees(ROOT, { log: [2] })
      .run());

  test("protocol.md 5: a store that moves keeps its streams; one that leaves and comes back starts empty", () => {
    const child = { __musubi_store_id__: ["c"], log };
    return scenario("moves and leaves")
      .connects()
      .mounts(ROOT, { left: child, right: null }, insert("log", "a", 1, { storeId: ["c"] }))
      .serverSends(ROOT, set("/left", null), set("/right", child))
      .sees(ROOT, { left: null, right: { log: [1] } })
      .serverSends(ROOT, set("/right", null))
      .serverSends(ROOT, set("/left", child))
      .sees(ROOT, { left: { log: [] } })
      .run();
  });

  test("protocol.md 5: position, upsert and limit of an insert", () =>
    scenario("inserts")
      .connects()
      .mounts(ROOT, { log })
      .serverSends(ROOT, insert("log", "a", 1), insert("log", "b", 2, { at: 0 }), insert("log", "c", 3, { at: -7 }))
      .sees(ROOT, { log: [3, 2, 1] })
      .serverSends(ROOT, insert("log", "c", 33, { at: 99 }))
      .sees(ROOT, { log: [2, 1, 33] })
      .serverSends(ROOT, insert("log", "d", 4, { at: -1, limit: -2 }))
      .sees(ROOT, { log: [33, 4] })
      .serverSends(ROOT, insert("log", "e", 5, { at: 0, limit: 2 }))
      .sees(ROOT, { log: [5, 33] })
      .serverSends(ROOT, insert("log", "f", 6, { limit: 0 }))
      .sees(ROOT, { log: [] })
      .run());
});

describe("recovery", () => {
  test("protocol.md 3: sent commands wait for the unmount's answer, then are interrupted; queued ones go on", () =>
    live("commands")
      .dispatches(ROOT, "sent")
      .clientPushes("command")
      .serverSendsAs(ROOT, { from: 5 })
      .clientPushes("unmount")
      .dispatches(ROOT, "queued")
      .pends("sent")
      .serverAccepts("unmount")
      .rejects("sent", { kind: "interrupted", fate: "unknown" })
      .serverMounts(ROOT, FIELDS)
      .serverReplies("queued", { ok: true })
      .resolves("queued", { ok: true })
      .run());

  test("protocol.md 3: back-off counts recoveries, the first is at once, and 30 s live forget them", () =>
    live("back-off")
      .serverSendsAs(ROOT, { from: 5 })
      .serverAccepts("unmount")
      .serverMounts(ROOT, FIELDS)
      .serverSendsAs(ROOT, { from: 5 })
      .serverAccepts("unmount")
      .advances(249)
      .clientPushesNothing()
      .advances(1)
      .serverMounts(ROOT, FIELDS)
      .serverSendsAs(ROOT, { from: 5 })
      .serverAccepts("unmount")
      .advances(499)
      .clientPushesNothing()
      .advances(1)
      .serverMounts(ROOT, FIELDS)
      .advances(30_000)
      .serverSendsAs(ROOT, { from: 5 })
      .serverAccepts("unmount")
      .serverMounts(ROOT, FIELDS)
      .run());

  test("protocol.md 2: a drop during recovery: the root is then simply mounted", () =>
    live("drop")
      .serverSendsAs(ROOT, { from: 5 })
      .clientPushes("unmount")
      .connectionDrops()
      .connectionReturns()
      .rejoins()
      .serverMounts(ROOT, FIELDS)
      .rootIs(ROOT, "live")
      .run());
});

describe("root_down", () => {
  test("protocol.md 2 (root_down): retry true mounts the root again with back-off", () =>
    live("retry")
      .serverEnds(ROOT, { reason: "render failed", retry: true })
      .rootIs(ROOT, "recovering", { code: "root_down", reason: "render failed" })
      .clientPushesNothing()
      .advances(500)
      .serverMounts(ROOT, FIELDS)
      .rootIs(ROOT, "live")
      .run());

  test("protocol.md 2 (root_down): with back-off too when it was live for long", () =>
    live("retry after long")
      .advances(30_000)
      .serverEnds(ROOT, { reason: "render failed", retry: true })
      .clientPushesNothing()
      .advances(500)
      .serverMounts(ROOT, FIELDS)
      .run());

  test("protocol.md 2 (root_down): retry false fails it; the last snapshot stays and commands are rejected", () =>
    live("no retry")
      .dispatches(ROOT, "sent")
      .clientPushes("command")
      .serverEnds(ROOT, { reason: "gone", retry: false })
      .rejects("sent", { kind: "interrupted", fate: "unknown" })
      .rootIs(ROOT, "failed", { code: "root_down", reason: "gone" })
      .sees(ROOT, FIELDS)
      .dispatches(ROOT, "late")
      .rejects("late", { code: "root_down", fate: "not_sent" })
      .statusIs("ready")
      .run());

  test("protocol.md 2 (root_down): before the mount reply it is held, and fails the mount it belongs to", () =>
    scenario("early")
      .connects()
      .asksToMount(ROOT)
      .serverPushes("root_down", { root_id: "r", reason: "no luck", retry: false })
      .serverAccepts("mount", { root_id: "r" })
      .mountFails(ROOT, { code: "root_down", reason: "no luck" })
      .run());

  test("protocol.md 2 (root_down): in order with envelopes", () =>
    live("order")
      .serverSends(ROOT, set("/count", 5))
      .serverEnds(ROOT, { reason: "x", retry: false })
      .sees(ROOT, { count: 5 })
      .serverBegins(ROOT, { count: 6 })
      .clientPushes("unmount", { root_id: ROOT })
      .sees(ROOT, { count: 5 })
      .run());
});

interface Emitter {
  handleEvent(name: string, handler: (payload: unknown) => void): void;
  snapshot(): unknown;
}
