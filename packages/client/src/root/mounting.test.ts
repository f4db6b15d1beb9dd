import { change, scenario } from "@musubi/testing";
import { describe, test } from "vitest";

// protocol.md section 2, told as scenarios: what is mounted, what is early, late or crossed, and what a join ends.

const ROOT = "Counter:a";
const { set } = change;
const envelope = (rootId: string, version: number, value: unknown) => ({
  type: "patch",
  root_id: rootId,
  base_version: version - 1,
  version,
  ops: version === 1 ? [set("", { __musubi_store_id__: [], n: value } as never)] : [set("/n", value as never)],
  stream_ops: [],
});

describe("early messages", () => {
  test("protocol.md 2: the first envelopes may come before the mount reply, and are applied in order", () =>
    scenario("early")
      .connects()
      .asksToMount(ROOT)
      .clientPushes("mount", { module: "Counter", id: "a", params: {} })
      .serverPushes("patch", envelope("r1", 1, "first"))
      .serverPushes("patch", envelope("r1", 2, "second"))
      .sees(ROOT, undefined)
      .serverAccepts("mount", { root_id: "r1" })
      .sees(ROOT, { n: "second" })
      .clientPushesNothing()
      .run());

  test("protocol.md 2: what is held for one mount waits while another is answered; nobody's gets its unmount", () =>
    scenario("two mounts")
      .connects()
      .asksToMount(ROOT)
      .asksToMount("Counter:b")
      .clientPushes("mount")
      .clientPushes("mount")
      .serverPushes("patch", envelope("rb", 1, "b"))
      .serverPushes("patch", envelope("stranger", 1, "x"))
      .serverAccepts("mount", { root_id: "ra" }, { of: ROOT })
      .serverPushes("patch", envelope("ra", 1, "a"))
      .clientPushesNothing()
      .serverAccepts("mount", { root_id: "rb" }, { of: "Counter:b" })
      .sees(ROOT, { n: "a" })
      .sees("Counter:b", { n: "b" })
      .clientPushes("unmount", { root_id: "stranger" })
      .run());

  test("protocol.md 2: more than 16 unknown roots are not held: a mount that then names one recovers", () => {
    let early = scenario("17 roots").connects().asksToMount(ROOT).clientPushes("mount");
    for (let root = 1; root <= 17; root++) early = early.serverPushes("patch", envelope(`r${root}`, 1, root));
    early = early.serverAccepts("mount", { root_id: "r17" }).clientPushes("unmount", { root_id: "r17" });
    for (let root = 1; root <= 16; root++) early = early.clientPushes("unmount", { root_id: `r${root}` });
    return early
      .serverAccepts("unmount", {}, { of: ROOT })
      .serverMounts(ROOT, { n: "again" })
      .sees(ROOT, { n: "again" })
      .run();
  });

  test("protocol.md 2: a new join forgets what was held", () =>
    scenario("held and forgotten")
      .connects()
      .asksToMount(ROOT)
      .clientPushes("mount")
      .serverPushes("patch", envelope("r1", 1, "of the former join"))
      .connectionDrops()
      .connectionReturns()
      .rejoins()
      .serverAccepts("mount", { root_id: "r1" })
      .sees(ROOT, undefined)
      .serverPushes("patch", envelope("r1", 1, "of this join"))
      .sees(ROOT, { n: "of this join" })
      .run());
});

describe("after the mount reply", () => {
  test("protocol.md 2: nothing within mountTimeoutMs of the mount reply: the root recovers", () =>
    scenario("silence")
      .connects()
      .asksToMount(ROOT)
      .serverAccepts("mount", { root_id: ROOT })
      .advances(9_999)
      .clientPushesNothing()
      .advances(1)
      .serverAccepts("unmount")
      .serverMounts(ROOT, { n: 1 })
      .sees(ROOT, { n: 1 })
      .run());

  test.each([
    ["a later envelope", { from: 3 }],
    ["a duplicate of nothing", { from: 0, to: 0 }],
    ["a 0 to 1 that replaces nothing", { from: 0 }],
  ])(
    "protocol.md 2: anything but the initial envelope after the mount reply: the root recovers (%s)",
    (_name, members) =>
      scenario("not the initial envelope")
        .connects()
        .asksToMount(ROOT)
        .serverAccepts("mount", { root_id: ROOT })
        .serverSendsAs(ROOT, members)
        .serverAccepts("unmount")
        .serverMounts(ROOT, { n: 1 })
        .sees(ROOT, { n: 1 })
        .run(),
  );

  test("protocol.md 2: a mount reply whose status is neither ok nor error counts as none", () =>
    scenario("teapot")
      .connects()
      .asksToMount(ROOT)
      .serverAnswers("mount", "teapot", {})
      .advances(10_000)
      .mountFails(ROOT, { code: "mount_timeout" })
      .run());
});

describe("already_mounted", () => {
  const alreadyMounted = { reason: "already_mounted", root_id: ROOT };

  test("protocol.md 2: a phantom is unmounted, and mounted once more", () =>
    scenario("phantom")
      .connects()
      .asksToMount(ROOT)
      .serverRefuses("mount", alreadyMounted)
      .clientPushes("unmount", { root_id: ROOT })
      .serverAccepts("unmount")
      .serverMounts(ROOT, { n: 1 })
      .sees(ROOT, { n: 1 })
      .run());

  test("protocol.md 2: a phantom that stays is a MusubiInconsistencyError", () =>
    scenario("stubborn phantom")
      .connects()
      .asksToMount(ROOT)
      .serverRefuses("mount", alreadyMounted)
      .serverAccepts("unmount")
      .serverRefuses("mount", alreadyMounted)
      .mountFails(ROOT, { name: "MusubiInconsistencyError" })
      .run());
});

describe("unmounting", () => {
  test("protocol.md 2: an unmount of a root whose mount is unanswered is sent after the reply", () =>
    scenario("crossed")
      .connects()
      .asksToMount(ROOT)
      .clientPushes("mount")
      .unmounts(ROOT)
      .advances(50)
      .clientPushesNothing()
      .serverAccepts("mount", { root_id: "r1" })
      .clientPushes("unmount", { root_id: "r1" })
      .serverAccepts("unmount")
      .mountFails(ROOT, { code: "unmounted" })
      .run());

  test("protocol.md 2: a mount of a pair whose unmount is unanswered waits for that answer", () =>
    scenario("mounted again")
      .connects()
      .mounts(ROOT, { n: 1 })
      .unmounts(ROOT)
      .advances(50)
      .clientPushes("unmount")
      .asksToMount(ROOT)
      .clientPushesNothing()
      .serverAccepts("unmount")
      .serverMounts(ROOT, { n: 2 })
      .sees(ROOT, { n: 2 })
      .run());

  test("protocol.md 3: from the push of unmount to its answer every envelope is dropped", () =>
    scenario("late envelopes")
      .connects()
      .mounts(ROOT, { n: 0 })
      .unmounts(ROOT)
      .advances(50)
      .clientPushes("unmount", { root_id: ROOT })
      .serverSends(ROOT, set("/n", 99))
      .serverBegins(ROOT, { n: 100 })
      .serverEnds(ROOT, { reason: "late", retry: true })
      .sees(ROOT, { n: 0 })
      .serverAccepts("unmount")
      .rootIs(ROOT, "closed")
      .clientPushesNothing()
      .run());
});

describe("commands of a session", () => {
  const offer = {
    session: { id: "s1", token: "t1", idle_timeout_ms: 1_000 },
    features: ["resume", "idempotent_commands"],
  };

  test.each(["too_many_unacked", "already_acked"])(
    "protocol.md 2 (idempotent_commands): %s rejects the one command with that code",
    (reason) =>
      scenario(reason)
        .connects(offer)
        .mounts(ROOT, { n: 0 })
        .dispatches(ROOT, "save")
        .serverRejects("save", { reason })
        .rejects("save", { kind: "failed", fate: "rejected", code: reason })
        .dispatches(ROOT, "next")
        .clientPushes("command", {
          root_id: ROOT,
          store_id: [],
          name: "next",
          payload: {},
          command_id: 2,
          acked: 1,
        })
        .serverReplies("next")
        .resolves("next")
        .run(),
  );

  test("protocol.md 2 (idempotent_commands): a reply that comes with the next join settles it once", () =>
    scenario("sent twice, answered once")
      .connects(offer)
      .asksToMount(ROOT)
      .serverAccepts("mount", { root_id: ROOT, epoch: "e1" })
      .serverBegins(ROOT, { n: 0 })
      .dispatches(ROOT, "save")
      .clientPushes("command")
      .connectionDrops()
      .pends("save")
      .connectionReturns()
      .rejoins(offer)
      .clientPushes("mount", { module: "Counter", id: "a", params: {}, resume: { epoch: "e1", version: 1 } })
      .serverAccepts("mount", { root_id: ROOT, epoch: "e1", resumed: true })
      .serverReplies("save", { saved: true })
      .resolves("save", { saved: true })
      .run());
});
