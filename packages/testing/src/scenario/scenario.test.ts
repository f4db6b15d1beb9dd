import { describe, expect, test } from "vitest";
import { change } from "./change.js";
import { scenario } from "./scenario.js";

const RESUMABLE = {
  session: { id: "s1", token: "t1", idle_timeout_ms: 1_000 },
  features: ["resume", "idempotent_commands", "settled"],
};
const { set, add, insert, drop, reset, emit } = change;

describe("what a scenario can tell", () => {
  test("a gap recovers, and nobody sees it happen", () =>
    scenario("a gap recovers")
      .connects()
      .mounts("Board:b1", { title: "Today" })
      .serverSends("Board:b1", set("/title", "Tomorrow"))
      .sees("Board:b1", { title: "Tomorrow" })
      .hears("Board:b1", 1)
      .serverLoses("Board:b1", set("/title", "never arrives"))
      .serverSends("Board:b1", set("/title", "comes too soon"))
      .rootIs("Board:b1", "recovering")
      .sees("Board:b1", { title: "Tomorrow" })
      .clientPushes("unmount", { root_id: "Board:b1" })
      .serverAccepts("unmount")
      .serverMounts("Board:b1", { title: "Tomorrow, really" })
      .sees("Board:b1", { title: "Tomorrow, really" })
      .hears("Board:b1", 1)
      .run());

  test("nested stores, streams and events", () =>
    scenario("rows")
      .connects({ features: ["events", "store_events"] })
      .mounts(
        "Board:b1",
        {
          rows: [
            { __musubi_store_id__: ["rows", "1"], votes: 0 },
            { __musubi_store_id__: ["rows", "2"], votes: 0 },
          ],
          log: { __musubi_stream__: "log" },
        },
        insert("log", "a", { text: "first" }),
      )
      .listensTo("Board:b1", "voted")
      .serverSends("Board:b1", set("/rows/0/votes", 1), emit("voted", { by: "ann" }))
      .hears("Board:b1", 1)
      .hears({ root: "Board:b1", at: ["rows", "1"] }, 1)
      .hears({ root: "Board:b1", at: ["rows", "2"] }, 0)
      .hearsEvents("Board:b1", "voted", { by: "ann" })
      .serverSends("Board:b1", insert("log", "b", { text: "second" }), insert("log", "c", { text: "third" }, { at: 0 }))
      .sees("Board:b1", { log: [{ text: "third" }, { text: "first" }, { text: "second" }] })
      .serverSends("Board:b1", drop("log", "a"), add("/rows/-", { __musubi_store_id__: ["rows", "3"], votes: 5 }))
      .sees("Board:b1", { log: [{ text: "third" }, { text: "second" }] })
      .serverSends("Board:b1", reset("log"), change.remove("/rows/1"))
      .sees("Board:b1", { log: [], rows: [{ votes: 1 }, { votes: 5 }] })
      .run());

  test("commands end once: a reply, a refusal, a time-out, a drop", () =>
    scenario("commands")
      .connects()
      .mounts("Board:b1", { title: "Today" })
      .dispatches("Board:b1", "rename", { title: "x" })
      .clientPushes("command", { root_id: "Board:b1", store_id: [], name: "rename", payload: { title: "x" } })
      .pends("rename")
      .serverReplies("rename", { renamed: "x" })
      .resolves("rename", { renamed: "x" })
      .dispatches("Board:b1", "rename", { title: "" }, { as: "empty" })
      .serverRejects("rename", { reason: "too short" })
      .rejects("empty", { kind: "failed", fate: "rejected", code: "too short" })
      .dispatches("Board:b1", "slow")
      .clientPushes("command")
      .advances(10_000)
      .rejects("slow", { kind: "timeout", fate: "unknown" })
      .dispatches("Board:b1", "lost")
      .clientPushes("command")
      .connectionDrops()
      .rejects("lost", { kind: "interrupted", fate: "unknown" })
      .dispatches("Board:b1", "queued")
      .clientPushesNothing()
      .connectionReturns()
      .rejoins()
      .serverMounts("Board:b1", { title: "Today" })
      .serverReplies("queued")
      .resolves("queued")
      .run());

  test("a session resumes, and a command in flight keeps its number", () =>
    scenario("resume")
      .connects(RESUMABLE)
      .asksToMount("Board:b1")
      .serverAccepts("mount", { root_id: "r1", epoch: "e1" })
      .serverBegins("Board:b1", { title: "Today" })
      .serverSends("Board:b1", set("/title", "Tomorrow"))
      .dispatches("Board:b1", "rename", {})
      .clientPushes("command")
      .connectionDrops()
      .rootIs("Board:b1", "stale")
      .connectionReturns()
      .rejoins(RESUMABLE, { session: { id: "s1", token: "t1", keep: ["r1"] } })
      .clientPushes("mount", { module: "Board", id: "b1", params: {}, resume: { epoch: "e1", version: 2 } })
      .serverAccepts("mount", { root_id: "r1", epoch: "e1", resumed: true })
      .serverSends("Board:b1", set("/title", "Later"))
      .sees("Board:b1", { title: "Later" })
      .serverReplies("rename")
      .serverSettles("Board:b1", 1)
      .resolves("rename")
      .run());

  test("refusals, root_down, crashes, closes, half-open connections and restarts", () =>
    scenario("trouble")
      .asksToConnect()
      .serverAccepts("phx_join")
      .statusIs("ready")
      .asksToMount("Secret:s")
      .serverRefuses("mount", { reason: "forbidden" })
      .mountFails("Secret:s", { code: "mount_refused", reason: "forbidden" })
      .mounts("Board:b1", { n: 0 })
      .serverEnds("Board:b1", { reason: "render failed", retry: true })
      .rootIs("Board:b1", "recovering", { code: "root_down" })
      .advances(500)
      .serverMounts("Board:b1", { n: 1 })
      .channelCrashes()
      .rejoins()
      .serverMounts("Board:b1", { n: 2 })
      .channelCloses()
      .statusIs("reconnecting")
      .advances(500)
      .rejoins({}, {})
      .serverMounts("Board:b1", { n: 3 })
      .connectionHalfOpens()
      .dispatches("Board:b1", "save")
      .advances(10_000)
      .rejects("save", { kind: "timeout" })
      .connectionDrops()
      .sees("Board:b1", { n: 3 })
      .connectionReturns()
      .rejoins()
      .serverMounts("Board:b1", { n: 4 })
      .serverRestarts()
      .rejoins()
      .serverMounts("Board:b1", { n: 5 })
      .statusIs("ready")
      .remounts("Board:b1", { page: 2 })
      .serverAccepts("unmount")
      .clientPushes("mount", { module: "Board", id: "b1", params: { page: 2 } })
      .serverMounts("Board:b1", { n: 6 })
      .resolves("remount Board:b1")
      .unmounts("Board:b1")
      .clientPushesNothing()
      .advances(50)
      .serverAccepts("unmount", {}, { of: "Board:b1" })
      .rootIs("Board:b1", "closed")
      .disconnects()
      .run());

  test("two clients, each with a connection of its own; time goes on for both", () =>
    scenario("two people")
      .as("ann")
      .connects()
      .mounts("Board:b1", { title: "Today" })
      .as("ben")
      .connects()
      .mounts("Board:b1", { title: "Today" })
      .as("ann")
      .dispatches(
        "Board:b1",
        "rename",
        { title: "Tomorrow" },
        { optimistic: (board) => ({ ...(board as object), title: "Tomorrow" }) },
      )
      .sees("Board:b1", { title: "Tomorrow" })
      .as("ben")
      .sees("Board:b1", { title: "Today" })
      .hears("Board:b1", 0)
      .dispatches("Board:b1", "rename", { title: "Never" })
      .clientPushes("command")
      .as("ann")
      .serverReplies("rename")
      .serverSends("Board:b1", set("/title", "Tomorrow"))
      .as("ben")
      .serverSends("Board:b1", set("/title", "Tomorrow"))
      .sees("Board:b1", { title: "Tomorrow" })
      .as("ann")
      .connectionDrops()
      .rootIs("Board:b1", "stale")
      .advances(10_000)
      .as("ben")
      .rejects("rename", { kind: "timeout" })
      .statusIs("ready")
      .disconnects()
      .as("ann")
      .connectionReturns()
      .rejoins()
      .serverMounts("Board:b1", { title: "Later" })
      .sees("Board:b1", { title: "Later" })
      .run());

  test("a failure names the client whose step it is, and what passed on whose wire", async () => {
    const told = scenario("one too many").as("ann").connects().as("ben").connects().statusIs("closed");
    const failed = told.run();
    await expect(failed).rejects.toThrow("failed at step 3 of 3: ben: status is closed");
    await expect(failed).rejects.toThrow("    ann > phx_join {}\n    server to ann >");
  });

  test("what is left of any client at the end is seen, whoever came last", async () => {
    const told = scenario("left")
      .as("ann")
      .connects()
      .does("sets a timer", ({ clock }) => void clock.setTimeout(() => {}, 1e9));
    await expect(told.as("ben").connects().run()).rejects.toThrow("1 timers are left");
  });

  test("a refused join", () =>
    scenario("refused")
      .asksToConnect()
      .serverRefuses("phx_join", { reason: "unauthorized" })
      .connectFails({ code: "join_refused", details: { reason: "unauthorized" } })
      .clientPushes("phx_leave")
      .run());
});
