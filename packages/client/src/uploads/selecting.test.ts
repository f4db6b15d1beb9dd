import { eventually, type ReceivedMessage } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import { ROOT } from "./upload-server.test.util.js";
import {
  brief,
  entryOf,
  resumable,
  clock,
  file,
  hold,
  mounted,
  pushed,
  slot,
  turn,
  uploads,
} from "./upload-setup.test.util.js";

describe("selecting", () => {
  test("client.md 16: what does not fit is refused before anything is sent, and the rest is announced", async () => {
    uploads.ops({ op: "config", config: { accept: [".txt"], max_file_size: 5, max_entries: 2 } });
    await eventually(() => slot.config !== null);
    const files = [file("abc"), file("x", "x.exe"), file("abcdef"), file("de"), file("f")];
    const { accepted, rejected } = await slot.select(files);
    expect(accepted).toEqual(["e1", "e2"]);
    expect(rejected.map(({ file: { size }, code }) => [size, code])).toEqual([
      [1, "not_accepted"],
      [6, "too_large"],
      [1, "too_many_files"],
    ]);
    expect(slot.errors.map(({ code, client_name }) => [code, client_name])).toEqual([
      ["not_accepted", "x.exe"],
      ["too_large", "abcdef.txt"],
      ["too_many_files", "f.txt"],
    ]);
    expect(uploads.told("allow_upload")).toEqual([
      {
        entries: [
          { client_ref: "1", name: "abc.txt", size: 3, type: "text/plain" },
          { client_ref: "2", name: "de.txt", size: 2, type: "text/plain" },
        ],
      },
    ]);
    expect(brief()).toEqual([
      ["e1", "pending", 0],
      ["e2", "pending", 0],
    ]);
    expect(slot.isPending).toBe(true);
    await turn();
    expect(uploads.topics("phx_join")).toEqual([]);
    await slot.cancel();
  });

  test("client.md 16: nothing fits, nothing is sent; the next selection starts without the errors of the last", async () => {
    uploads.ops({ op: "config", config: { accept: [".txt"] } });
    await eventually(() => slot.config !== null);
    await slot.select(file("x", "x.exe"));
    expect(slot.status).toBe("error");
    expect(pushed("allow_upload")).toBe(0);
    await slot.select([file("a")]);
    expect(slot).toMatchObject({ status: "pending", errors: [] });
    await slot.cancel();
  });

  test("protocol.md 6: what the server refuses carries its codes, by file or for all", async () => {
    uploads.answerEntry = (ref) => (ref === "e1" ? undefined : { type: "channel", entry_ref: ref, token: "t" });
    uploads.errors = [{ ref: "1", code: "too_large", message: "No." }, { code: "too_many_files" }];
    const { accepted, rejected } = await slot.select([file("a"), file("b")]);
    expect(accepted).toEqual(["e2"]);
    expect(rejected.map(({ code, message }) => [code, message])).toEqual([["too_large", "No."]]);
    expect(slot.errors.map(({ code }) => code)).toEqual(["too_many_files", "too_large"]);
    await slot.cancel();
  });

  test("protocol.md 6: an error reply and no reply are preflight_rejected; malformed answers refuse the file", async () => {
    const held = hold("allow_upload");
    const first = slot.select(file("a"));
    await uploads.got("allow_upload", 1);
    expect(slot.status).toBe("pending");
    uploads.server.reply(held.messages[0] as ReceivedMessage, "error", { reason: "forbidden" });
    expect((await first).rejected[0]).toMatchObject({ code: "preflight_rejected", message: "forbidden" });
    expect(slot).toMatchObject({ status: "error", errors: [{ code: "preflight_rejected" }] });
    const second = slot.select(file("a"));
    await uploads.got("allow_upload", 2);
    clock.advance(10_000);
    expect((await second).rejected[0]).toMatchObject({ code: "preflight_rejected" });
    for (const response of [null, { entries: { 3: { type: "channel", entry_ref: 5 } } }, { entries: [], errors: 1 }]) {
      const count = held.messages.length;
      const next = slot.select(file("a"));
      await uploads.got("allow_upload", count + 1);
      uploads.server.reply(held.messages[count] as ReceivedMessage, "ok", response);
      expect(await next).toMatchObject({ accepted: [], rejected: [{ code: "preflight_rejected" }] });
    }
  });

  test("what is selected without a connection is announced when the root is live", async () => {
    uploads.server.accepting = false;
    uploads.server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    const selecting = slot.select(file("abc"), { autoStart: true });
    await turn();
    expect(pushed("allow_upload")).toBe(0);
    uploads.server.accepting = true;
    await selecting;
    await slot.start();
    expect(brief()).toEqual([["e1", "success", 100]]);
  });

  test("what is cancelled without a connection, before it was announced, never is", async () => {
    uploads.server.accepting = false;
    uploads.server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    const selecting = slot.select(file("abc"), { autoStart: true });
    await eventually(() => slot.status === "pending");
    await slot.cancel();
    expect(await selecting).toEqual({ accepted: [], rejected: [] });
    uploads.server.accepting = true;
    await eventually(() => mounted.state.current.status === "live");
    await turn();
    expect([slot.status, pushed("allow_upload")]).toEqual(["idle", 0]);
  });

  test("a slot that the server has as auto_upload sends what is selected, unless told otherwise", async () => {
    uploads.config["auto_upload"] = true;
    uploads.ops({ op: "config", config: uploads.config });
    await eventually(() => slot.config?.auto_upload === true);
    await slot.select(file("abc"), { autoStart: false });
    expect(brief()).toEqual([["e1", "pending", 0]]);
    await slot.cancel();
    await slot.select(file("abc"));
    await eventually(() => slot.status === "success");
    expect(brief().at(-1)).toEqual(["e2", "success", 100]);
  });

  test("an announcement whose answer was lost is made again under the same refs, and its file arrives", async () => {
    await resumable();
    hold("allow_upload");
    const selecting = slot.select(file("abc"), { autoStart: true });
    await uploads.got("allow_upload", 1);
    // The server has taken it, and says so to everybody but the one who asked.
    uploads.ops({ op: "add", ref: "e1", entry: entryOf("e1", "abc.txt", 3) });
    await eventually(() => slot.entries.length === 1);
    uploads.take = () => false;
    uploads.server.cut();
    expect(await selecting).toEqual({ accepted: ["e1"], rejected: [] });
    await slot.start();
    expect(brief()).toEqual([["e1", "success", 100]]);
    const [first, again] = uploads.told("allow_upload");
    expect(again).toEqual(first);
    expect(pushed("cancel_upload")).toBe(0);
  });

  test("what a server takes a second time for it is cancelled the first, when nothing else is being announced", async () => {
    await resumable();
    const held = hold("allow_upload");
    const selecting = slot.select([file("abc"), file("de")]);
    await uploads.got("allow_upload", 1);
    uploads.ops({ op: "add", ref: "lost", entry: entryOf("lost", "abc.txt", 3) });
    await eventually(() => slot.entries.length === 1);
    uploads.server.cut();
    await uploads.got("allow_upload", 2);
    const other = slot.select(file("f"));
    await uploads.got("allow_upload", 3);
    held.proceed();
    held.proceed();
    await selecting;
    expect(pushed("cancel_upload")).toBe(0);
    held.proceed();
    expect((await other).accepted).toEqual(["e3"]);
    expect(uploads.told("cancel_upload")).toEqual([{ ref: "lost" }]);
    expect(slot.entries.map(({ ref, status }) => [ref, status])).toEqual([
      ["lost", "cancelled"],
      ["e1", "pending"],
      ["e2", "pending"],
      ["e3", "pending"],
    ]);
    await slot.cancel();
  });

  test("an announcement that three connections did not outlive is interrupted", async () => {
    await resumable();
    hold("allow_upload");
    const selecting = slot.select(file("abc"));
    for (let count = 1; count <= 3; count++) {
      await uploads.got("allow_upload", count);
      uploads.server.cut();
    }
    expect((await selecting).rejected).toMatchObject([{ code: "interrupted" }]);
    expect(slot.errors).toMatchObject([{ code: "interrupted" }]);
    await eventually(() => mounted.state.current.status === "live");
    await turn();
    expect(pushed("allow_upload")).toBe(3);
  });

  test.each([
    ["a drop", () => uploads.server.cut()],
    ["a recovery", () => uploads.server.push("patch", { root_id: ROOT, base_version: 77, version: 78, ops: [] })],
  ])(
    "an announcement that ended in %s of a life of the root is interrupted, and its answer is too late",
    async (_what, end) => {
      const held = hold("allow_upload");
      const selecting = slot.select(file("abc"));
      await uploads.got("allow_upload", 1);
      end();
      expect((await selecting).rejected).toMatchObject([{ code: "interrupted" }]);
      expect(slot.errors).toMatchObject([{ code: "interrupted" }]);
      await eventually(() => mounted.state.current.status === "live" && pushed("mount") === 2);
      const entries = { 1: { type: "channel", entry_ref: "former", token: "t" } };
      uploads.server.reply(held.messages[0] as ReceivedMessage, "ok", { entries });
      await turn();
      expect(slot.entries).toEqual([]);
      expect(pushed("allow_upload")).toBe(1);
    },
  );

  test("an announcement is not made again in another life of the root, which the first may have ended of", async () => {
    await resumable();
    hold("allow_upload");
    const selecting = slot.select(file("abc"));
    await uploads.got("allow_upload", 1);
    uploads.server.joinReply = { session: { id: "s2", token: "t", idle_timeout_ms: 1_000 }, features: ["resume"] };
    uploads.epoch = "e2";
    uploads.server.cut();
    expect((await selecting).rejected).toMatchObject([{ code: "interrupted" }]);
    expect(pushed("allow_upload")).toBe(1);
  });

  test("what the server took in an answer that came too late is cancelled", async () => {
    hold("allow_upload");
    const selecting = slot.select(file("abc"));
    await uploads.got("allow_upload", 1);
    uploads.ops({ op: "add", ref: "e1", entry: entryOf("e1", "abc.txt", 3) });
    await eventually(() => slot.entries.length === 1);
    clock.advance(10_000);
    expect((await selecting).rejected[0]).toMatchObject({ code: "preflight_rejected" });
    expect(uploads.told("cancel_upload")).toEqual([{ ref: "e1" }]);
    expect(brief()).toEqual([["e1", "cancelled", 0]]);
    // What it says still later is about the same.
    uploads.ops({ op: "add", ref: "e2", entry: entryOf("e2", "abc.txt", 3) });
    await uploads.got("cancel_upload", 2);
    expect(brief()[1]).toEqual(["e2", "cancelled", 0]);
  });

  test("protocol.md 6: an entry that the server has ended before its answer is not sent", async () => {
    const held = hold("allow_upload");
    const selecting = slot.select(file("abc"), { autoStart: true });
    await uploads.got("allow_upload", 1);
    const about = { client_name: "abc.txt", client_size: 3, client_type: "text/plain", progress: 0 };
    const entry = { ref: "e1", ...about, status: "pending", errors: [] };
    uploads.ops({ op: "add", ref: "e1", entry }, { op: "cancel", ref: "e1" });
    const entries = { 1: { type: "channel", entry_ref: "e1", token: "t" } };
    uploads.server.reply(held.messages[0] as ReceivedMessage, "ok", { entries });
    expect((await selecting).accepted).toEqual(["e1"]);
    await slot.start();
    expect(brief()).toEqual([["e1", "cancelled", 0]]);
    expect(uploads.topics("phx_join")).toEqual([]);
  });

  test("what was cancelled before its answer stays so, though the root began anew in between", async () => {
    const held = hold("allow_upload");
    const selecting = slot.select(file("abc"), { autoStart: true });
    await uploads.got("allow_upload", 1);
    uploads.ops({ op: "add", ref: "e1", entry: entryOf("e1", "abc.txt", 3) });
    await eventually(() => slot.entries.length === 1);
    await slot.cancel("e1");
    uploads.server.restart(ROOT, { title: "B", photos: { __musubi_upload__: "photos" } });
    await eventually(() => slot.entries.length === 0);
    const entries = { 1: { type: "channel", entry_ref: "e1", token: "t" } };
    uploads.server.reply(held.messages[0] as ReceivedMessage, "ok", { entries });
    expect((await selecting).accepted).toEqual(["e1"]);
    await slot.start();
    expect(brief()).toEqual([]);
    expect(uploads.topics("phx_join")).toEqual([]);
  });

  test("what is no file is bad usage", async () => {
    await expect(slot.select(["a"] as never)).rejects.toMatchObject({ code: "invalid_usage" });
  });
});
