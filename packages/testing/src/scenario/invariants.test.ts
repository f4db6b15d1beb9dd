import type { AnyRegistry, MusubiConnection } from "@musubi/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { change } from "./change.js";
import { type ClientRuntime, clientRuntime } from "./client-runtime.js";
import { INVARIANTS, type Invariant, Violation } from "./invariants.js";
import { type Scenario, scenario } from "./scenario.js";
import { ScenarioError } from "./scenario-error.js";
import type { Stage } from "./stage.js";

// Each invariant is proved by breaking it: a client with one fault, or a step that does what no client may.

const ROOT = "Board:b1";
const rows = [
  { __musubi_store_id__: ["rows", "1"], n: 0 },
  { __musubi_store_id__: ["rows", "2"], n: 0 },
];
const { set, insert } = change;

/** A root with two rows, seen by a client with these faults. */
const board = (faults: Partial<ClientRuntime> = {}, name = "broken"): Scenario =>
  scenario(name, { client: { ...clientRuntime, ...faults } })
    .connects()
    .mounts(ROOT, { title: "Today", rows, log: { __musubi_stream__: "log" } }, insert("log", "a", 1));

/** A client whose proxies are as they should be but for these members. */
const withMembers = (
  replace: (member: string, original: (...args: unknown[]) => unknown) => unknown,
): Partial<ClientRuntime> => ({
  createConnection: ((engine: Parameters<ClientRuntime["createConnection"]>[0]) => {
    const connection = clientRuntime.createConnection<AnyRegistry>(engine);
    const openRoot: MusubiConnection<AnyRegistry>["openRoot"] = (options) => {
      const opened = connection.openRoot(options);
      const store = new Proxy(opened.store, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key);
          return typeof value === "function" ? (replace(String(key), value as () => unknown) ?? value) : value;
        },
      });
      return { ...opened, store };
    };
    return { ...connection, openRoot };
  }) as ClientRuntime["createConnection"],
});

const withSnapshot = (read: (snapshot: () => unknown) => unknown): Partial<ClientRuntime> =>
  withMembers((member, original) => (member === "snapshot" ? () => read(original) : undefined));

/** Sends a frame past the client, as a broken one might. */
const rogue =
  (event: string, payload: object) =>
  ({ socket }: Stage): void => {
    const { channels } = socket as unknown as { channels: { joinRef(): string }[] };
    const frame = { topic: "musubi:connection", event, payload, ref: "99", join_ref: channels[0]?.joinRef() };
    (socket as unknown as { push(frame: object): void }).push(frame);
  };
const commandPayload = { root_id: ROOT, store_id: [], name: "save", payload: {} };
const mountPayload = { module: "Board", id: "b1", params: {} };

async function violationOf(broken: Scenario): Promise<ScenarioError> {
  const error: unknown = await broken.run().then(
    () => new Error("the scenario passed"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ScenarioError);
  return error as ScenarioError;
}

let runner: NodeJS.UnhandledRejectionListener[];
beforeEach(() => {
  // The test runner fails on rejections that nobody handles; here one is made on purpose.
  runner = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
});
afterEach(() => {
  for (const listener of runner) process.on("unhandledRejection", listener);
});

const broken: readonly (readonly [Invariant, string, () => Scenario])[] = [
  [1, "before the join's ok", () => scenario("x").asksToConnect().does("pushes", rogue("mount", mountPayload))],
  [
    2,
    "while its unmount is on its way",
    () => board().unmounts(ROOT).advances(50).clientPushes("unmount").does("pushes", rogue("command", commandPayload)),
  ],
  [2, "never mounted", () => board().does("pushes", rogue("command", { ...commandPayload, root_id: "nobody" }))],
  [
    2,
    "a stranger twice",
    () =>
      board()
        .does("once", rogue("unmount", { root_id: "nobody" }))
        .does("twice", rogue("unmount", { root_id: "nobody" })),
  ],
  [3, "without a dispatch", () => board().does("pushes", rogue("command", commandPayload))],
  [
    3,
    "a number twice in one join",
    () =>
      scenario("x")
        .connects({ features: ["idempotent_commands"] })
        .mounts(ROOT, {})
        .dispatches(ROOT, "save")
        .clientPushes("command")
        .does("pushes", rogue("command", { ...commandPayload, command_id: 1, acked: 0 })),
  ],
  [
    3,
    "a number after its reply",
    () =>
      scenario("x")
        .connects({ features: ["idempotent_commands"] })
        .mounts(ROOT, {})
        .dispatches(ROOT, "save")
        .serverReplies("save")
        .does("pushes", rogue("command", { ...commandPayload, command_id: 1, acked: 0 })),
  ],
  [
    4,
    "another version",
    () => board().does("pushes", rogue("mount", { ...mountPayload, resume: { epoch: "e", version: 7 } })),
  ],
  [5, "a version too far", () => board({ rootVersion: (root) => clientRuntime.rootVersion(root) + 1 })],
  [
    6,
    "another tree",
    () => board({ readTree: (root) => ({ ...clientRuntime.readTree(root), __musubi_store_id__: [], title: "No" }) }),
  ],
  [6, "another stream", () => board({ readStream: () => [] })],
  [
    7,
    "twice for one envelope",
    () =>
      board({
        subscribeStore: (root, storeId, listener) =>
          clientRuntime.subscribeStore(root, storeId, () => {
            listener();
            listener();
          }),
      }).serverSends(ROOT, set("/title", "x")),
  ],
  [7, "never", () => board({ subscribeStore: () => () => {} }).serverSends(ROOT, set("/title", "x"))],
  [
    7,
    "for a sibling",
    () =>
      board({
        subscribeStore: (root, storeId, listener) =>
          clientRuntime.subscribeStore(root, storeId[1] === "2" ? ["rows", "1"] : storeId, listener),
      }).serverSends(ROOT, set("/rows/0/n", 1)),
  ],
  [
    8,
    "gone while it recovers",
    () => {
      let reads = 0;
      return board(withSnapshot((snapshot) => (reads++ > 3 ? undefined : snapshot()))).serverSendsAs(ROOT, { from: 9 });
    },
  ],
  [
    9,
    "a copy that can be written to",
    () => board(withSnapshot((snapshot) => (snapshot() === undefined ? undefined : { ...(snapshot() as object) }))),
  ],
  [
    10,
    "a new copy with each read",
    () =>
      board(
        withSnapshot((snapshot) =>
          snapshot() === undefined ? undefined : Object.freeze({ ...(snapshot() as object) }),
        ),
      ),
  ],
  [
    10,
    "the former one after a change",
    () => {
      let first: unknown;
      return board(withSnapshot((snapshot) => (first ??= snapshot()))).serverSends(ROOT, set("/title", "x"));
    },
  ],
  [
    11,
    "a callback that throws",
    () =>
      board()
        .does("listens", ({ socket }) => {
          (socket as unknown as { onMessage(callback: () => void): void }).onMessage(() => {
            throw new Error("out of the callback");
          });
        })
        .serverSends(ROOT, set("/title", "x")),
  ],
  [12, "a rejection for nobody", () => board().does("fails", () => void Promise.reject(new Error("for nobody")))],
  [
    12,
    "a listener that throws",
    () =>
      board()
        .does("listens", (stage) => {
          stage.root(ROOT).opened.store.subscribe(() => {
            throw new Error("in a listener");
          });
        })
        .serverSends(ROOT, set("/title", "x")),
  ],
  [
    13,
    "a command without end",
    () =>
      board(
        withMembers((member) => (member === "dispatchCommand" ? () => new Promise(() => {}) : undefined)),
      ).dispatches(ROOT, "save"),
  ],
  [14, "a timer", () => board().does("forgets", ({ clock }) => void clock.setTimeout(() => {}, 1_000))],
  [14, "a channel", () => board().does("forgets", ({ socket }) => void socket.channel("another"))],
  [14, "a listener", () => board().does("forgets", ({ socket }) => void socket.onOpen(() => {}))],
  [
    14,
    "a root",
    () =>
      board({
        createConnection: (engine) => ({
          ...clientRuntime.createConnection(engine),
          disconnect: async () => {},
        }),
      }),
  ],
  [15, "an unmount", () => board().unmounts(ROOT).advances(50)],
];

describe("invariants bite", () => {
  test.each(broken)("invariant %i: %s", async (number, _how, build) => {
    const error = await violationOf(build());
    expect(error.cause).toBeInstanceOf(Violation);
    expect((error.cause as Violation).invariant).toBe(number);
    expect(error.message).toContain(INVARIANTS[number]);
  });

  test("every invariant is among them, and what is not broken passes", async () => {
    const numbers = new Set(broken.map(([number]) => String(number)));
    expect(Object.keys(INVARIANTS).filter((number) => !numbers.has(number))).toEqual([]);
    await board().serverSends(ROOT, set("/rows/0/n", 1)).run();
  });
});

describe("a failure", () => {
  test("names the scenario, the step, what was expected, the steps so far and the wire", async () => {
    const error = await violationOf(
      board({}, "a title changes").serverSends(ROOT, set("/title", "Tomorrow")).sees(ROOT, { title: "Yesterday" }),
    );
    expect(error.step).toBe(4);
    expect(error.message.split("\n")).toEqual([
      `scenario "a title changes" failed at step 4 of 4: sees Board:b1 {"title":"Yesterday"}`,
      expect.stringContaining(`the snapshot.title is "Tomorrow", not "Yesterday"; all of it is {`),
      "steps:",
      "   1. connects",
      expect.stringContaining("   2. mounts Board:b1 as {"),
      expect.stringContaining("   3. server sends Board:b1: {"),
      `>  4. sees Board:b1 {"title":"Yesterday"}`,
      "wire:",
      "  step 1",
      "    client > phx_join {}",
      `    server > "ok" to phx_join {}`,
      "  step 2",
      `    client > mount {"module":"Board","id":"b1","params":{}}`,
      `    server > "ok" to mount {"root_id":"Board:b1"}`,
      expect.stringContaining("    server > patch Board:b1 0 to 1 {"),
      "  step 3",
      `    server > patch Board:b1 1 to 2 {"ops":[{"op":"replace","path":"/title","value":"Tomorrow"}],"stream_ops":[]}`,
    ]);
  });

  test.each<readonly [string, RegExp, () => Scenario]>([
    ["another push", /pushed mount .*, not unmount/, () => board().asksToMount("Board:b2").clientPushes("unmount")],
    [
      "another payload",
      /another mount: it\.id is "b2", not "b3"/,
      () => board().asksToMount("Board:b2").clientPushes("mount", { module: "Board", id: "b3", params: {} }),
    ],
    [
      "a push that is one too many",
      /pushed mount \{"module":"Board","id":"b2"/,
      () => board().asksToMount("Board:b2").clientPushesNothing(),
    ],
    ["a root that nobody mounted", /"Board:b9" was not mounted/, () => board().sees("Board:b9", {})],
    ["a listener that was not called", /called 0 times, not 1/, () => board().hears(ROOT, 1)],
    [
      "a command that ended already",
      /"save" was resolved/,
      () => board().dispatches(ROOT, "save").serverReplies("save").resolves("save").pends("save"),
    ],
    [
      "another outcome",
      /"save" was resolved with \{\}/,
      () => board().dispatches(ROOT, "save").serverReplies("save").rejects("save", { kind: "failed" }),
    ],
    ["other events", /other events came/, () => board().listensTo(ROOT, "rung").hearsEvents(ROOT, "rung", { at: 1 })],
  ])("says what happened instead: %s", async (_what, message, build) => {
    expect((await violationOf(build())).message).toMatch(message);
  });
});
