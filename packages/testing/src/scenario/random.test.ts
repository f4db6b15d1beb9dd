import { test } from "vitest";
import { SeededRandom } from "../seeded-random.js";
import { change } from "./change.js";
import { type Scenario, scenario } from "./scenario.js";

const ROOT = "Board:b1";
const { set, add, remove, insert, drop, reset, emit } = change;

/** A tree of two rows and a stream each for the root and the first row. */
function fields(random: SeededRandom): Record<string, unknown> {
  const row = (id: string) => ({
    __musubi_store_id__: ["rows", id],
    n: random.integer(0, 1),
    ...(id === "1" ? { log: { __musubi_stream__: "log" } } : {}),
  });
  return { title: random.integer(0, 2), rows: [row("1"), row("2")], log: { __musubi_stream__: "log" } };
}

/** One envelope's worth of changes, some of which change nothing. */
function changes(random: SeededRandom) {
  const key = random.pick(["a", "b", "c"]);
  const storeId = random.pick([[], ["rows", "1"]]);
  return random.pick([
    () => [set("/title", random.integer(0, 2))],
    () => [set(`/rows/${random.integer(0, 1)}/n`, random.integer(0, 1)), emit("rung")],
    () => [insert("log", key, random.integer(0, 9), { storeId, at: random.integer(-2, 3), limit: 3 })],
    () => [drop("log", key, storeId), insert("log", "z", 0, { storeId })],
    () => [reset("log", storeId)],
    () => [add("/rows/0", { __musubi_store_id__: ["rows", "new"], n: 0 }), remove("/rows/0")],
    () => [set("/title", 0), set("/title", random.integer(0, 2))],
    () => [emit("rung")],
  ])();
}

/** Stretches of conversation that begin and end with a live root. */
const stretches: readonly ((told: Scenario, random: SeededRandom) => Scenario)[] = [
  (told, random) => told.serverSends(ROOT, ...changes(random)).serverSends(ROOT, ...changes(random)),
  (told, random) => told.serverSends(ROOT, ...changes(random)).serverRepeats(ROOT),
  (told, random) => told.serverBegins(ROOT, fields(random), insert("log", "a", 1)),
  (told, random) =>
    told
      // Live for so long that it forgets former recoveries: the next one is at once.
      .advances(30_000)
      .serverLoses(ROOT, ...changes(random))
      .serverSends(ROOT, ...changes(random))
      .rootIs(ROOT, "recovering")
      .serverAccepts("unmount")
      .serverMounts(ROOT, fields(random)),
  (told, random) =>
    told
      .connectionDrops()
      .rootIs(ROOT, "stale")
      .connectionReturns()
      .rejoins()
      .serverMounts(ROOT, fields(random), insert("log", "b", 2, { storeId: ["rows", "1"] })),
  (told, random) => told.channelCrashes().rejoins().serverMounts(ROOT, fields(random)),
  (told, random) => told.serverRestarts().rejoins().serverMounts(ROOT, fields(random)),
  (told) => told.dispatches(ROOT, "save").serverReplies("save", { saved: true }).resolves("save", { saved: true }),
  (told) =>
    told
      .dispatches(ROOT, "save")
      .clientPushes("command")
      .advances(10_000)
      .rejects("save", { kind: "timeout" })
      .serverReplies("save"),
  (told, random) =>
    told
      .advances(30_000)
      .serverEnds(ROOT, { reason: "x", retry: true })
      .advances(500)
      .serverMounts(ROOT, fields(random)),
  (told, random) =>
    told.unmounts(ROOT).advances(50).serverAccepts("unmount").rootIs(ROOT, "closed").mounts(ROOT, fields(random)),
];

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "whatever is told, the client and the reader of its wire agree (seed %i)",
  (seed) => {
    const random = new SeededRandom(seed);
    let told = scenario(`seed ${seed}`)
      .connects()
      .mounts(ROOT, fields(random), insert("log", "a", 1));
    for (let stretch = 0; stretch < 12; stretch++) told = random.pick(stretches)(told, random);
    return told.rootIs(ROOT, "live").run();
  },
  20_000,
);
