import { eventually, FakeClock, type ReceivedMessage, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type AnyRegistry,
  connect,
  type ExternalUpload,
  type Logger,
  type MountedStore,
  type MusubiConnection,
  type UploadHandle,
} from "../index.js";
import { mountConnectionRoot, openConnectionState, readUpload } from "../runtime.js";
import { BUSY_DELAY_MS, CHUNK_TIMEOUT_MS } from "./channel-transfer.js";
import { REPORT_EVERY_MS } from "./external-transfer.js";
import { ROOT, UploadServer } from "./upload-server.test.util.js";

let uploads: UploadServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
let mounted: MountedStore<string, AnyRegistry>;
let slot: UploadHandle;
const sent: ExternalUpload[] = [];
let finish: (outcome?: unknown) => void = () => {};
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

const uploaders = {
  s3: (upload: ExternalUpload) => {
    sent.push(upload);
    return new Promise<void>((resolve, reject) => {
      finish = (outcome) => (outcome === undefined ? resolve() : reject(outcome));
    });
  },
};

beforeEach(async () => {
  vi.clearAllMocks();
  sent.length = 0;
  clock = new FakeClock();
  uploads = new UploadServer();
  socket = uploads.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger, uploaders, random: () => 0.5 });
  mounted = await connection.mountStore({ module: "Album", id: "a" });
  slot = (mounted.store as { photos?: UploadHandle }).photos as UploadHandle;
});

afterEach(async () => {
  await connection.disconnect();
  expect(clock.pending).toBe(0);
  expect(uploads.topics("phx_leave").sort()).toEqual(Array.from(new Set(uploads.topics("phx_join"))).sort());
  expect(logger.error).not.toHaveBeenCalled();
  socket.disconnect();
});

const file = (text: string, name = `${text}.txt`) => new File([text], name, { type: "text/plain" });
const brief = () =>
  slot.entries.map(({ ref, status, progress, errors }) => [ref, status, progress, ...errors.map(({ code }) => code)]);
const pushed = (event: string): number => uploads.server.messages(event).length;
const turn = () => new Promise((resolve) => setTimeout(resolve, 3));
/** Keeps the server's answers to an event back; returns what came. */
const hold = (event: string): { readonly messages: ReceivedMessage[]; proceed(): void } => {
  const messages: ReceivedMessage[] = [];
  const proceeds: (() => void)[] = [];
  uploads.take = (found, message, proceed) => {
    const isIt = found === event && (event !== "phx_join" || message.topic.startsWith("musubi_upload:"));
    if (isIt) messages.push(message);
    if (isIt) proceeds.push(proceed);
    return isIt;
  };
  return { messages, proceed: () => proceeds.shift()?.() };
};

describe("the slot", () => {
  test("client.md 16: one handle per slot, in proxies, snapshots and readUpload, for as long as the store is there", async () => {
    expect(slot).toMatchObject({ name: "photos", config: null, status: "idle", entries: [], errors: [], progress: 0 });
    const { connection: held } = openConnectionState(socket, { clock });
    const { connection: root } = mountConnectionRoot(held, { module: "Album", id: "a" });
    expect(readUpload(root, [], "photos")).toBe(slot);
    expect(readUpload(root, ["nobody"], "photos")).toBeUndefined();
    const before = mounted.store.snapshot() as unknown as { readonly photos: UploadHandle };
    expect(before.photos).toBe(slot);
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    uploads.ops({ op: "config", config: { max_entries: 2 } }, { op: "error", error: "too_many_files" });
    await eventually(() => slot.config !== null);
    expect(listener).toHaveBeenCalledTimes(1);
    const after = mounted.store.snapshot() as unknown as { readonly photos: UploadHandle };
    expect(after).not.toBe(before);
    expect(after.photos).toBe(slot);
    expect(slot).toMatchObject({ status: "error", isError: true, isIdle: false, errors: [{ code: "too_many_files" }] });
    expect(JSON.parse(JSON.stringify(after))).toMatchObject({ photos: { name: "photos", status: "error" } });
    root.release();
    held.release();
  });

  test("protocol.md 6: ops of a store that is not there are ignored; uploads alone move the version", async () => {
    uploads.server.patch(ROOT, [], { upload_ops: [{ op: "reset", upload: "x", store_id: ["nobody"] }] } as object);
    uploads.ops({ op: "config", config: {} });
    await eventually(() => slot.config !== null);
    expect(mounted.state.current.status).toBe("live");
  });

  test("protocol.md 5: a store that leaves takes its uploads; one that moves keeps them; one that returns starts empty", async () => {
    const child = (id: string) => ({ __musubi_store_id__: [id], file: { __musubi_upload__: "file" } });
    const at = (place: string) =>
      (mounted.store as unknown as Record<string, { file?: UploadHandle } | undefined>)[place]?.file;
    const config = { op: "config", upload: "file", store_id: ["c"], config: { max_entries: 1 } };
    uploads.server.patch(
      ROOT,
      [{ op: "add", path: "/one", value: child("c") }] as never,
      {
        upload_ops: [config],
      } as object,
    );
    await eventually(() => at("one")?.config !== null && at("one") !== undefined);
    const first = at("one");
    uploads.server.patch(ROOT, [
      { op: "remove", path: "/one" },
      { op: "add", path: "/two", value: child("c") },
    ] as never);
    await eventually(() => at("two") !== undefined);
    expect(at("two")).toBe(first);
    expect(first?.config).toEqual({ max_entries: 1 });
    uploads.server.patch(ROOT, [{ op: "remove", path: "/two" }]);
    await eventually(() => at("two") === undefined);
    uploads.server.patch(ROOT, [{ op: "add", path: "/two", value: child("c") }] as never);
    await eventually(() => at("two") !== undefined);
    expect(at("two")).not.toBe(first);
    expect(at("two")?.config).toBeNull();
  });

  test("client.md 8: the same uploads again after a remount change nothing and tell nobody", async () => {
    uploads.server.restart(ROOT, { title: "A", photos: { __musubi_upload__: "photos" } }, {
      upload_ops: [{ op: "config", upload: "photos", store_id: [], config: { max_entries: 1 } }],
    } as object);
    await eventually(() => slot.config !== null);
    const before = mounted.store.snapshot();
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    uploads.server.restart(ROOT, { title: "A", photos: { __musubi_upload__: "photos" } }, {
      upload_ops: [{ op: "config", upload: "photos", store_id: [], config: { max_entries: 1 } }],
      events: [{ name: "done", payload: {} }],
    } as object);
    const done = vi.fn();
    mounted.store.handleEvent("done" as never, done);
    await eventually(() => done.mock.calls.length === 1);
    expect(listener).not.toHaveBeenCalled();
    expect(mounted.store.snapshot()).toBe(before);
  });
});

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

  test("an announcement that the connection did not outlive is interrupted", async () => {
    hold("allow_upload");
    const selecting = slot.select(file("abc"));
    await uploads.got("allow_upload", 1);
    uploads.server.cut();
    expect((await selecting).rejected).toMatchObject([{ code: "interrupted" }]);
    expect(slot.errors).toMatchObject([{ code: "interrupted" }]);
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

  test("what is no file is bad usage", async () => {
    await expect(slot.select(["a"] as never)).rejects.toMatchObject({ code: "invalid_usage" });
  });
});

describe("channel mode", () => {
  test("protocol.md 6: select and start at once; chunks of chunk_size in order, one in flight, then it leaves", async () => {
    const held = hold("chunk");
    void slot.select([file("abcdefghij"), file("")]);
    const started = slot.start();
    await uploads.got("chunk", 1);
    await turn();
    expect(pushed("chunk")).toBe(1);
    expect(slot).toMatchObject({ status: "uploading", isUploading: true });
    held.proceed();
    await uploads.got("chunk", 2);
    await eventually(() => slot.entries[0]?.progress === 40);
    expect(slot.progress).toBe(45);
    held.proceed();
    await uploads.got("chunk", 3);
    held.proceed();
    await started;
    expect(uploads.told("chunk").map((chunk) => (chunk as { bytes: number[] }).bytes.length)).toEqual([4, 4, 2]);
    expect(uploads.text("e1")).toBe("abcdefghij");
    expect(brief()).toEqual([
      ["e1", "success", 100],
      ["e2", "success", 100],
    ]);
    expect(slot).toMatchObject({ status: "success", isSuccess: true, progress: 100 });
    expect(uploads.server.messages("phx_join").slice(1)).toEqual([{ token: "token of e1" }, { token: "token of e2" }]);
    await eventually(() => uploads.topics("phx_leave").length === 2);
  });

  test("at most three files are on their way at once", async () => {
    const held = hold("phx_join");
    void slot.select(["a", "b", "c", "d", "e"].map((text) => file(text)));
    const started = slot.start();
    await eventually(() => held.messages.length === 3);
    await turn();
    expect(held.messages.length).toBe(3);
    uploads.take = () => false;
    for (let count = 0; count < 3; count++) held.proceed();
    await started;
    expect(slot.entries.map(({ status }) => status)).toEqual(new Array(5).fill("success"));
  });

  test("the store is touched once for each change, and only while something changes", async () => {
    const listener = vi.fn();
    mounted.store.subscribe(listener);
    await slot.select(file("abcdefgh"), { autoStart: true });
    await slot.start();
    await turn();
    const calls = listener.mock.calls.length;
    await turn();
    // Selecting, what the server made of it, the answer, uploading, half, whole; the server's word on that is no news.
    expect(listener).toHaveBeenCalledTimes(calls);
    expect(calls).toBe(6);
  });

  test("protocol.md 6: after a drop that the root outlives it goes on from the server's offset, no byte twice", async () => {
    await resumable();
    const held = hold("chunk");
    void slot.select(file("abcdefghij"));
    const started = slot.start();
    await uploads.got("chunk", 1);
    held.proceed();
    await uploads.got("chunk", 2);
    // The server has got this one, and its answer is lost.
    uploads.server.cut();
    held.proceed();
    uploads.take = () => false;
    await started;
    expect(brief()).toEqual([["e1", "success", 100]]);
    expect(uploads.text("e1")).toBe("abcdefghij");
    expect(uploads.topics("phx_join")).toEqual(["e1", "e1"]);
  });

  test.each(["rate_limited", "overloaded"])(
    "a chunk that is refused as %s is pushed again, ten times",
    async (reason) => {
      const held = hold("chunk");
      void slot.select(file("abc"));
      const started = slot.start();
      const refuse = async (count: number) => {
        await eventually(() => held.messages.length === count);
        uploads.server.reply(held.messages[count - 1] as ReceivedMessage, "error", { reason });
        await turn();
        clock.advance(BUSY_DELAY_MS - 1);
        await turn();
        expect(held.messages.length).toBe(count);
        clock.advance(1);
      };
      for (let count = 1; count <= 10; count++) await refuse(count);
      await eventually(() => held.messages.length === 11);
      if (reason === "overloaded") uploads.server.reply(held.messages[10] as ReceivedMessage, "error", { reason });
      else uploads.server.reply(held.messages[10] as ReceivedMessage, "ok", { progress: 100 });
      await started;
      expect(brief()).toEqual([reason === "overloaded" ? ["e1", "error", 0, reason] : ["e1", "success", 100]]);
    },
  );

  test("protocol.md 6: what was read for a join that has ended is not sent in the next", async () => {
    await resumable();
    const reads: ((bytes: ArrayBuffer) => void)[] = [];
    const slow = Object.assign(file("ab"), {
      slice: () => ({ arrayBuffer: () => new Promise<ArrayBuffer>((resolve) => reads.push(resolve)) }),
    });
    await slot.select(slow, { autoStart: true });
    const started = slot.start();
    await eventually(() => reads.length === 1);
    uploads.server.cut();
    await eventually(() => reads.length === 2);
    reads[0]?.(new TextEncoder().encode("xx").buffer);
    await turn();
    expect(pushed("chunk")).toBe(0);
    reads[1]?.(new TextEncoder().encode("ab").buffer);
    await started;
    expect(uploads.text("e1")).toBe("ab");
  });

  test("protocol.md 6: the time without a connection does not count as one without an answer", async () => {
    await resumable();
    hold("chunk");
    void slot.select(file("abc"));
    const started = slot.start();
    await uploads.got("chunk", 1);
    uploads.server.accepting = false;
    uploads.server.cut();
    await eventually(() => mounted.state.current.status === "stale");
    clock.advance(CHUNK_TIMEOUT_MS * 3 - 1);
    const held = hold("phx_join");
    uploads.server.accepting = true;
    await eventually(() => held.messages.length === 1);
    // The timer that was started without a connection runs out with one.
    clock.advance(1);
    expect(brief()).toEqual([["e1", "uploading", 0]]);
    clock.advance(CHUNK_TIMEOUT_MS);
    await started;
    expect(brief()).toEqual([["e1", "error", 0, "chunk_timeout"]]);
  });

  test.each([
    ["an error reply to the join", "phx_join", { code: "expired", message: "Too late." }, "expired"],
    ["an error reply to a chunk", "chunk", { reason: "chunk_too_large" }, "chunk_too_large"],
    ["an error reply without a code", "chunk", {}, "internal"],
  ])("protocol.md 6: %s fails the entry, and its channel is left", async (_what, event, response, code) => {
    const held = hold(event);
    void slot.select(file("abc"));
    const started = slot.start();
    await eventually(() => held.messages.length === 1);
    uploads.server.reply(held.messages[0] as ReceivedMessage, "error", response);
    await started;
    expect(brief()).toEqual([["e1", "error", 0, code]]);
    await eventually(() => uploads.topics("phx_leave").length === 1);
  });

  test.each(["phx_join", "chunk"])("protocol.md 6: no answer to a %s in time is chunk_timeout", async (event) => {
    const held = hold(event);
    void slot.select(file("abc"));
    const started = slot.start();
    await eventually(() => held.messages.length === 1);
    clock.advance(CHUNK_TIMEOUT_MS - 1);
    expect(brief()).toEqual([["e1", "uploading", 0]]);
    clock.advance(1);
    await started;
    expect(brief()).toEqual([["e1", "error", 0, "chunk_timeout"]]);
  });

  test("a file that cannot be read fails its entry", async () => {
    const broken = Object.assign(file("abc"), {
      slice: () => ({ arrayBuffer: () => Promise.reject(new Error("it has changed")) }),
    });
    await slot.select(broken, { autoStart: true });
    await slot.start();
    expect(slot.entries[0]?.errors[0]).toMatchObject({ code: "internal", message: expect.stringContaining("changed") });
  });

  test("client.md 16: a chunk of another realm is copied into an ArrayBuffer of this one", async () => {
    const { runInNewContext } = await import("node:vm");
    const foreign = runInNewContext("new Uint8Array([1, 2, 3]).buffer") as ArrayBuffer;
    expect(foreign.constructor).not.toBe(ArrayBuffer);
    const strange = Object.assign(file("abc"), { slice: () => ({ arrayBuffer: async () => foreign }) });
    await slot.select(strange, { autoStart: true });
    await slot.start();
    expect(uploads.bytes.get("e1")).toEqual([1, 2, 3]);
  });
});

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

/** Makes the server keep the root over drops. */
async function resumable(): Promise<void> {
  await connection.disconnect();
  socket.disconnect();
  uploads = Object.assign(new UploadServer(), { answerEntry: uploads.answerEntry });
  uploads.keepRoot();
  socket = uploads.createSocket();
  connection = await connect<AnyRegistry>(socket, { clock, logger, uploaders, random: () => 0.5 });
  mounted = await connection.mountStore({ module: "Album", id: "a" });
  slot = (mounted.store as { photos?: UploadHandle }).photos as UploadHandle;
}
