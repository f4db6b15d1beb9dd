import { eventually, type ReceivedMessage } from "@musubi/testing";
import { describe, expect, test, vi } from "vitest";
import { BUSY_DELAY_MS, CHUNK_TIMEOUT_MS } from "./channel-transfer.js";
import { brief, clock, file, hold, mounted, pushed, resumable, slot, turn, uploads } from "./upload-setup.test.util.js";

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
