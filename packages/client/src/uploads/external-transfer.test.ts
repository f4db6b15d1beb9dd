import { eventually, type ReceivedMessage } from "@musubi/testing";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type ExternalUpload } from "../index.js";
import { REPORT_EVERY_MS } from "./external-transfer.js";
import {
  brief,
  clock,
  connection,
  file,
  finish,
  hold,
  logger,
  mounted,
  pushed,
  resumable,
  sent,
  slot,
  socket,
  turn,
  uploaders,
  uploads,
} from "./upload-setup.test.util.js";

describe("external mode", () => {
  beforeEach(() => {
    uploads.answerEntry = (ref) => ({ type: "external", entry_ref: ref, uploader: "s3", meta: { url: `/${ref}` } });
  });

  const running = async () => {
    void slot.select(file("abc"));
    const started = slot.start();
    await eventually(() => sent.length === 1);
    return { started, upload: sent[0] as ExternalUpload };
  };

  test("protocol.md 6: the named uploader gets the file; the server hears of progress now and then, and of the end", async () => {
    const { started, upload } = await running();
    expect(upload).toMatchObject({ ref: "e1", name: "abc.txt", meta: { url: "/e1" } });
    expect(upload.signal.aborted).toBe(false);
    for (const percent of [10, 20.7, 20.9, 15, Number.NaN, 30, 100]) upload.onProgress(percent);
    expect(brief()).toEqual([["e1", "uploading", 99]]);
    await uploads.got("upload_progress", 1);
    clock.advance(REPORT_EVERY_MS - 1);
    await turn();
    expect(uploads.told("upload_progress")).toEqual([{ ref: "e1", progress: 10 }]);
    clock.advance(1);
    await uploads.got("upload_progress", 2);
    clock.advance(REPORT_EVERY_MS * 9);
    finish();
    await started;
    expect(uploads.told("upload_progress")).toEqual([10, 99, 100].map((progress) => ({ ref: "e1", progress })));
    expect(brief()).toEqual([["e1", "success", 100]]);
    upload.onProgress(5);
    expect(uploads.topics("phx_join")).toEqual([]);
  });

  test("client.md 7: an uploader is not called for what a listener ends as it begins", async () => {
    await slot.select(file("abc"));
    mounted.store.subscribe(() => {
      if (slot.isUploading) void connection.disconnect();
    });
    await slot.start();
    await turn();
    expect(brief()).toEqual([["e1", "error", 0, "interrupted"]]);
    expect(sent).toEqual([]);
  });

  test("protocol.md 6: an uploader that rejects fails the entry, and the server is told", async () => {
    const { started } = await running();
    finish(new Error("403 from the bucket"));
    await started;
    expect(brief()).toEqual([["e1", "error", 0, "external_failed"]]);
    await uploads.got("upload_error", 1);
    const error = { ref: "e1", code: "external_failed", message: "403 from the bucket" };
    expect(uploads.told("upload_error")).toEqual([error]);
  });

  test("an uploader that nobody gave fails the entry with unknown_uploader", async () => {
    uploads.answerEntry = (ref) => ({ type: "external", entry_ref: ref, uploader: "toString", meta: null });
    void slot.select(file("abc"));
    await slot.start();
    expect(brief()).toEqual([["e1", "error", 0, "unknown_uploader"]]);
    await uploads.got("upload_error", 1);
    expect(uploads.told("upload_error")[0]).toMatchObject({ ref: "e1", code: "unknown_uploader" });
  });

  test("client.md 16: cancel aborts the uploader's signal, and nothing it does afterwards counts", async () => {
    const { started, upload } = await running();
    await slot.cancel("e1");
    await started;
    expect(upload.signal.aborted).toBe(true);
    upload.onProgress(50);
    finish();
    await turn();
    expect(brief()).toEqual([["e1", "cancelled", 0]]);
    expect(pushed("upload_progress")).toBe(0);
  });

  test("an end without a connection is reported when the root goes on", async () => {
    await resumable();
    const { started, upload } = await running();
    uploads.server.accepting = false;
    uploads.server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    upload.onProgress(50);
    finish();
    await turn();
    expect(brief()).toEqual([["e1", "uploading", 50]]);
    uploads.server.accepting = true;
    await started;
    expect(uploads.told("upload_progress")).toEqual([{ ref: "e1", progress: 100 }]);
    expect(brief()).toEqual([["e1", "success", 100]]);
  });

  test("an error reply to the end fails the entry", async () => {
    const held = hold("upload_progress");
    const { started } = await running();
    finish();
    await eventually(() => held.messages.length === 1);
    uploads.server.reply(held.messages[0] as ReceivedMessage, "error", { code: "too_large" });
    await started;
    expect(brief()).toEqual([["e1", "error", 0, "too_large"]]);
  });

  test("client.md 1: uploaders of a second connect are merged by name; the first wins, with one warning", async () => {
    const other = vi.fn();
    const again = await connect<AnyRegistry>(socket, { clock, uploaders: { s3: other, more: other } });
    await (await connect<AnyRegistry>(socket, { clock, uploaders: { s3: other, more: vi.fn() } })).disconnect();
    await (await connect<AnyRegistry>(socket, { clock, uploaders })).disconnect();
    expect(logger.warn).toHaveBeenCalledTimes(1);
    expect(logger.warn.mock.calls[0]?.[0]).toContain('"s3"');
    uploads.answerEntry = (ref) => ({ type: "external", entry_ref: ref, uploader: "more", meta: null });
    void slot.select(file("abc"));
    await slot.start();
    expect(other).toHaveBeenCalledTimes(1);
    expect(brief()).toEqual([["e1", "success", 100]]);
    await again.disconnect();
  });
});
