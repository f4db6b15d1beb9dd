import { eventually } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import type { UploadHandle } from "../index.js";
import { ROOT } from "./upload-server.test.util.js";
import {
  brief,
  clock,
  connection,
  file,
  finish,
  hold,
  mounted,
  pushed,
  resumable,
  sent,
  slot,
  turn,
  uploads,
} from "./upload-setup.test.util.js";

describe("cancelling", () => {
  test("client.md 16: cancel stops the transfer, leaves its channel and tells the server; the others go on", async () => {
    const held = hold("chunk");
    void slot.select([file("abcdef"), file("ghijkl")]);
    const started = slot.start();
    await uploads.got("chunk", 2);
    await slot.cancel("e1");
    expect(brief()[0]).toEqual(["e1", "cancelled", 0]);
    await uploads.got("cancel_upload", 1);
    expect(uploads.told("cancel_upload")).toEqual([{ ref: "e1" }]);
    uploads.take = () => false;
    held.proceed();
    held.proceed();
    await started;
    expect(brief()).toEqual([
      ["e1", "cancelled", 0],
      ["e2", "success", 100],
    ]);
    await slot.cancel();
    expect(pushed("cancel_upload")).toBe(1);
  });

  test("an announcement that is cancelled makes no entries here, and its files are cancelled on the server", async () => {
    const held = hold("allow_upload");
    const selecting = slot.select(file("abc"), { autoStart: true });
    await uploads.got("allow_upload", 1);
    await slot.reset();
    held.proceed();
    expect(await selecting).toEqual({ accepted: [], rejected: [] });
    await uploads.got("cancel_upload", 1);
    expect(uploads.told("cancel_upload")).toEqual([{ ref: "e1" }]);
    expect(uploads.topics("phx_join")).toEqual([]);
  });

  test("an end that was told to a connection already dead is told again to the next, if the root outlives that", async () => {
    await resumable();
    uploads.answerEntry = (ref) => ({ type: "external", entry_ref: ref, uploader: "s3", meta: null });
    void slot.select([file("a"), file("b")]);
    const started = slot.start();
    await eventually(() => sent.length === 2);
    uploads.take = () => true;
    await slot.cancel("e1");
    finish("the store is full");
    await started;
    await uploads.got("upload_error", 1);
    clock.advance(10_000);
    uploads.take = () => false;
    uploads.server.cut();
    await uploads.got("cancel_upload", 2);
    await uploads.got("upload_error", 2);
    const [first, again] = uploads.told("cancel_upload");
    expect(again).toEqual(first);
    // Answered, it is told no more.
    await turn();
    uploads.server.cut();
    await eventually(() => mounted.state.current.status !== "live");
    await eventually(() => mounted.state.current.status === "live");
    await turn();
    expect([pushed("cancel_upload"), pushed("upload_error")]).toEqual([2, 2]);
  });

  test("reset cancels what is open, and clears entries and errors from view", async () => {
    await slot.select(file("abc"));
    await slot.reset();
    await uploads.got("cancel_upload", 1);
    expect(slot).toMatchObject({ status: "idle", entries: [], errors: [], config: uploads.config });
  });

  test("protocol.md 6: what the server ends with an op is ended here too", async () => {
    hold("chunk");
    void slot.select([file("abc"), file("def"), file("ghi")]);
    const started = slot.start();
    await uploads.got("chunk", 3);
    uploads.ops(
      { op: "cancel", ref: "e1" },
      { op: "error", ref: "e2", error: { code: "internal" } },
      { op: "complete", ref: "e3" },
    );
    await started;
    expect(slot.entries.map(({ status }) => status)).toEqual(["cancelled", "error", "success"]);
    await eventually(() => uploads.topics("phx_leave").length === 3);
    expect(pushed("cancel_upload")).toBe(0);
  });
});

describe("ends", () => {
  const uploading = async () => {
    hold("chunk");
    uploads.answerEntry = (ref, name) =>
      name === "ext.txt"
        ? { type: "external", entry_ref: ref, uploader: "s3", meta: null }
        : { type: "channel", entry_ref: ref, token: "t" };
    void slot.select([file("abc"), file("ext"), file("waits")]);
    await eventually(() => slot.entries.length === 3);
    const started = slot.start();
    await uploads.got("chunk", 2);
    await eventually(() => sent.length === 1);
    return { started };
  };
  const THREE_INTERRUPTED = ["", "", ""].map(() => ["error", "interrupted"]);
  const codes = () => slot.entries.map(({ status, errors }) => [status, ...errors.map(({ code }) => code)]);

  test("protocol.md 3: a root that recovers interrupts its uploads at once, and they still show it afterwards", async () => {
    const { started } = await uploading();
    uploads.take = () => false;
    uploads.server.push("patch", { type: "patch", root_id: ROOT, base_version: 77, version: 78, ops: [] });
    await started;
    expect(codes()).toEqual(THREE_INTERRUPTED);
    expect(sent[0]?.signal.aborted).toBe(true);
    await eventually(() => mounted.state.current.status === "live" && pushed("mount") === 2);
    expect(codes()).toEqual(THREE_INTERRUPTED);
    expect((mounted.store as { photos?: UploadHandle }).photos).toBe(slot);
    expect(pushed("upload_error") + pushed("cancel_upload")).toBe(0);
  });

  test("protocol.md 3: what was to be told to a root that recovers is not told to the next", async () => {
    const held = hold("cancel_upload");
    await slot.select(file("abc"));
    await slot.cancel();
    await eventually(() => held.messages.length === 1);
    uploads.server.push("patch", { type: "patch", root_id: ROOT, base_version: 77, version: 78, ops: [] });
    await eventually(() => mounted.state.current.status === "live" && pushed("mount") === 2);
    await turn();
    expect(held.messages.length).toBe(1);
  });

  test("protocol.md 6: a root that is mounted anew after a drop interrupts its uploads", async () => {
    const { started } = await uploading();
    uploads.take = () => false;
    uploads.server.cut();
    await started;
    expect(codes()).toEqual(THREE_INTERRUPTED);
    expect(sent[0]?.signal.aborted).toBe(true);
  });

  test("protocol.md 3: a restart in place interrupts them too", async () => {
    const { started } = await uploading();
    uploads.take = () => false;
    uploads.server.restart(ROOT, { title: "B", photos: { __musubi_upload__: "photos" } });
    await started;
    expect(codes()).toEqual(THREE_INTERRUPTED);
  });

  test.each([
    ["unmount", () => mounted.unmount()],
    ["disconnect", () => connection.disconnect()],
  ])("client.md 7: %s settles everything and leaves no timer and no channel", async (_what, end) => {
    const { started } = await uploading();
    const selecting = slot.select(file("more"));
    uploads.take = () => false;
    await end();
    clock.advance(1_000);
    await started;
    await selecting;
    expect(codes().slice(0, 3)).toEqual(THREE_INTERRUPTED);
    expect(sent[0]?.signal.aborted).toBe(true);
    await eventually(() => mounted.state.current.status === "closed");
    expect(await slot.select(file("late"))).toMatchObject({ rejected: [{ code: "interrupted" }] });
  });

  test("client.md 12: a store that leaves the tree ends its uploads with store_gone", async () => {
    const child = { __musubi_store_id__: ["c"], file: { __musubi_upload__: "file" } };
    uploads.server.patch(ROOT, [{ op: "add", path: "/one", value: child }] as never);
    const one = () => (mounted.store as { one?: { file: UploadHandle } }).one?.file;
    await eventually(() => one() !== undefined);
    const gone = one() as UploadHandle;
    const held = hold("chunk");
    void gone.select(file("abc"));
    const started = gone.start();
    await eventually(() => held.messages.length === 1);
    expect(uploads.server.messages("allow_upload")[0]).toMatchObject({ store_id: ["c"], name: "file" });
    const waiting = hold("allow_upload");
    const selecting = gone.select(file("def"));
    await eventually(() => waiting.messages.length === 1);
    uploads.server.patch(ROOT, [{ op: "remove", path: "/one" }]);
    await started;
    expect(gone.entries.map(({ errors }) => errors[0]?.code)).toEqual(["store_gone"]);
    expect((await selecting).rejected).toMatchObject([{ code: "store_gone" }]);
    expect((await gone.select(file("x"))).rejected).toMatchObject([{ code: "store_gone" }]);
    await eventually(() => uploads.topics("phx_leave").length === 1);
  });

  test("client.md 12: a store that is not in the tree of a restart ends its uploads with store_gone", async () => {
    const child = { __musubi_store_id__: ["c"], file: { __musubi_upload__: "file" } };
    uploads.server.patch(ROOT, [{ op: "add", path: "/one", value: child }] as never);
    const one = () => (mounted.store as { one?: { file: UploadHandle } }).one?.file;
    await eventually(() => one() !== undefined);
    const gone = one() as UploadHandle;
    const held = hold("chunk");
    void gone.select(file("abc"));
    const started = gone.start();
    await eventually(() => held.messages.length === 1);
    uploads.server.restart(ROOT, { title: "A" });
    await started;
    expect(gone.entries.map(({ errors }) => errors.map(({ code }) => code))).toEqual([["store_gone"]]);
  });

  test("protocol.md 2 (root_down): a root that failed takes no files", async () => {
    const { started } = await uploading();
    uploads.server.down(ROOT, "crashed", false);
    await started;
    expect(codes()).toEqual(THREE_INTERRUPTED);
    expect(await slot.select(file("late"))).toMatchObject({ rejected: [{ code: "interrupted" }] });
  });
});
