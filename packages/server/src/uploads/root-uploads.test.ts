import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { command } from "../stores/command.js";
import { defineStore } from "../stores/define-store.js";
import { child, upload } from "../stores/placeholders.js";
import { Rejection } from "../stores/rejection.js";
import { gate, turns } from "../stores/store-client.test.util.js";
import { type UploadClient, UploadServer } from "./upload-client.test.util.js";

let held = gate();
let consumed: { readonly name: string; readonly bytes: string }[] = [];

const Row = defineStore("Row", {
  mount: () => ({}),
  uploads: { file: {} },
  render: () => ({ file: upload("file") }),
});

/** Takes the place of a `Row` under its id. */
const OtherRow = defineStore("OtherRow", {
  mount: () => ({}),
  uploads: { file: { maxEntries: 7 }, more: {} },
  render: () => ({ file: upload("file") }),
});

const A = defineStore("A", {
  mount: () => ({ kind: 0, shown: true }),
  uploads: {
    file: { maxEntries: 3, chunkSize: 4, maxFileSize: 100, chunkTimeoutMs: 5_000, autoUpload: true },
    elsewhere: { presign: () => ({ uploader: "put", meta: {} }) },
    refusing: {
      presign: () => {
        throw new Rejection("quota");
      },
    },
    slow: { presign: () => held.promise.then(() => ({ uploader: "put", meta: {} })) },
  },
  render: ({ kind, shown }) => ({
    file: upload("file"),
    row: shown ? child(kind === 0 ? Row : OtherRow, { id: "row" }) : null,
  }),
  commands: {
    wait: command(() => held.promise),
    swap: command((ctx) => ctx.assign({ kind: 1 })),
    hide: command((ctx) => ctx.assign({ shown: false })),
    show: command((ctx) => ctx.assign({ shown: true })),
    consume: command(async (ctx) => {
      const names = await ctx.consumeUploadedEntries("file", ({ name, path }) => {
        consumed.push({ name, bytes: readFileSync(path, "utf8") });
        return name;
      });
      return { names, again: await ctx.consumeUploadedEntries("file", () => 1) };
    }),
    consumeSlowly: command(async (ctx) => {
      await ctx.consumeUploadedEntries("file", () => held.promise);
    }),
    consumeNone: command((ctx) =>
      (ctx as { consumeUploadedEntries(name: string, f: object): void }).consumeUploadedEntries("nothing", () => 1),
    ),
    cancel: command((ctx) => ctx.cancelUpload("file")),
    cancelUnknown: command((ctx) => ctx.cancelUpload("file", "nobody")),
  },
});

const FILE = { upload: "file", store_id: [] };
let server: UploadServer;
let client: UploadClient;

beforeEach(async () => {
  held = gate();
  consumed = [];
  server = new UploadServer([A]);
  client = await server.connect();
  await client.mount();
  await turns();
});

afterEach(async () => {
  expect(await server.close()).toEqual({ timers: 0, files: [] });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ops = () => client.ops.filter(({ op }) => op !== "config");

describe("what clients are told of slots", () => {
  test("server.md 4: the first envelope says what each slot takes, and so does that of a store that comes later", async () => {
    expect(client.ops).toEqual([
      {
        op: "config",
        config: { accept: null, max_entries: 3, max_file_size: 100, chunk_size: 4, auto_upload: true },
        ...FILE,
      },
      ...["elsewhere", "refusing", "slow"].map((name) => ({
        op: "config",
        config: { accept: null, max_entries: 1, max_file_size: 8_000_000, chunk_size: 64_000 },
        upload: name,
        store_id: [],
      })),
      {
        op: "config",
        config: { accept: null, max_entries: 1, max_file_size: 8_000_000, chunk_size: 64_000 },
        upload: "file",
        store_id: ["row"],
      },
    ]);
  });

  test("protocol.md 5: a store that takes the place of another with its id begins with a reset of its slots", async () => {
    const { ref, token } = await client.allow(3, "file", ["row"]);
    await client.open({ ref, token });
    await client.command("swap");
    expect(client.envelopes.at(-1)?.upload_ops).toMatchObject([
      { op: "reset", upload: "file", store_id: ["row"] },
      { op: "config", upload: "file", config: { max_entries: 7 } },
      { op: "config", upload: "more" },
    ]);
    // What the former one had is gone, with its channel.
    await expect.poll(() => client.closed).toEqual([`musubi_upload:${ref}`]);
    expect((await client.open({ ref, token })).response).toMatchObject({ reason: "unknown_upload" });
    await client.command("hide");
    await client.command("show");
    expect(client.envelopes.at(-1)?.upload_ops?.map(({ op }) => op)).toEqual(["config", "config"]);
  });
});

describe("a file that is under way", () => {
  test("protocol.md 6: it is announced as pending, arrives, is consumed once, and its bytes are there to read", async () => {
    const { ref, token } = await client.allow(10);
    expect(ops()).toEqual([
      {
        op: "add",
        ref,
        entry: {
          ref,
          client_name: "a.bin",
          client_size: 10,
          client_type: "",
          progress: 0,
          status: "pending",
          errors: [],
        },
        ...FILE,
      },
    ]);
    expect(await client.open({ ref, token })).toEqual({ status: "ok", response: { offset: 0 } });
    expect((await client.chunk(ref, bytes("0123"))).response).toEqual({ progress: 40 });
    expect((await client.chunk(ref, bytes("4567"))).response).toEqual({ progress: 80 });
    expect((await client.chunk(ref, bytes("89"))).response).toEqual({ progress: 100 });
    await turns();
    expect(ops().at(-1)).toEqual({ op: "complete", ref, ...FILE });
    // One more is none of it, and does it no harm.
    expect((await client.chunk(ref, bytes("x"))).response).toMatchObject({ reason: "too_large" });
    // Its last answer may have been lost.
    expect((await client.open({ ref, token })).response).toEqual({ offset: 10 });
    expect((await client.command("consume")).response).toEqual({ names: ["a.bin"], again: [] });
    expect(consumed).toEqual([{ name: "a.bin", bytes: "0123456789" }]);
    expect((await client.command("consume")).response).toEqual({ names: [], again: [] });
    expect((await client.open({ ref, token })).response).toMatchObject({ reason: "unknown_upload" });
    await expect.poll(() => server.files()).toEqual([]);
  });

  test("server.md 3: answers to chunks do not wait for the root, and the news of them does", async () => {
    const { ref, token } = await client.allow(8);
    const waiting = client.command("wait");
    await client.open({ ref, token });
    expect((await client.chunk(ref, bytes("0123"))).response).toEqual({ progress: 50 });
    expect((await client.chunk(ref, bytes("4567"))).response).toEqual({ progress: 100 });
    await turns();
    expect(ops().length).toBe(1);
    held.open();
    await waiting;
    await turns();
    expect(ops().slice(1)).toEqual([{ op: "complete", ref, ...FILE }]);
  });

  test("server.md 4: progress is told ten times a second at most, and the last one always", async () => {
    const { ref, token } = await client.allow(100);
    await client.open({ ref, token });
    const progress = () => ops().flatMap((op) => (op.op === "progress" ? [op.progress] : []));
    for (let at = 0; at < 5; at++) await client.chunk(ref, bytes("0123"));
    await turns();
    expect(progress()).toEqual([4]);
    server.clock.advance(99);
    await turns();
    expect(progress()).toEqual([4]);
    server.clock.advance(1);
    await turns();
    expect(progress()).toEqual([4, 20]);
    // Nothing new, nothing sent.
    const { length } = client.envelopes;
    server.clock.advance(1_000);
    await turns();
    expect(client.envelopes.length).toBe(length);
    await client.chunk(ref, bytes("0123"));
    await turns();
    expect(progress()).toEqual([4, 20, 24]);
  });

  test("protocol.md 6: no chunk in time is chunk_timeout: the client is told, then the channel is closed, and the file goes", async () => {
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    await client.chunk(ref, bytes("0123"));
    server.clock.advance(4_999);
    // No bytes are no sign of life.
    expect((await client.chunk(ref, new Uint8Array())).response).toEqual({ progress: 50 });
    expect(client.closed).toEqual([]);
    server.clock.advance(1);
    expect(client.closed).toEqual([]);
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", ref, error: { code: "chunk_timeout" } });
    expect(client.closed).toEqual([`musubi_upload:${ref}`]);
    // Whoever hears of the end of the channel knows why.
    expect(client.log.slice(-2)).toEqual(["error", "close"]);
    await expect.poll(() => server.files()).toEqual([]);
  });

  test("server.md 4: a root that ends before it could tell why closes the channel all the same", async () => {
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    const waiting = client.command("wait");
    await turns();
    server.clock.advance(5_000);
    await turns();
    expect(client.closed).toEqual([]);
    await client.push("unmount", {});
    held.open();
    await waiting;
    await expect.poll(() => client.closed).toEqual([`musubi_upload:${ref}`]);
    expect(client.log.at(-1)).toBe("close");
  });

  test("server.md 4: chunks that wait behind the one that is being written do not count once another has joined", async () => {
    const { ref, token } = await client.allow(12);
    await client.open({ ref, token });
    const second = await server.connect();
    void client.chunk(ref, bytes("0123"));
    void client.chunk(ref, bytes("xxxx"));
    expect((await second.open({ ref, token })).response).toEqual({ offset: 4 });
    await second.chunk(ref, bytes("4567"));
    expect((await second.chunk(ref, bytes("89ab"))).response).toEqual({ progress: 100 });
    await client.command("consume");
    expect(consumed).toEqual([{ name: "a.bin", bytes: "0123456789ab" }]);
  });

  test("server.md 4: one that rests for the life of a token has failed; one that has begun may go on with its token", async () => {
    const { ref, token } = await client.allow(8);
    const other = await client.allow(8);
    await client.open({ ref, token });
    server.clock.advance(4_000);
    await client.chunk(ref, bytes("0123"));
    await client.leave(`musubi_upload:${ref}`);
    server.clock.advance(599_000);
    await turns();
    // The token is older than it may be to begin with, and the other one's time is over.
    expect(ops().at(-1)).toMatchObject({ op: "error", ref: other.ref, error: { code: "chunk_timeout" } });
    expect((await client.open({ ref, token })).response).toEqual({ offset: 4 });
    await client.leave(`musubi_upload:${ref}`);
    server.clock.advance(600_000);
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", ref, error: { code: "chunk_timeout" } });
  });

  test("protocol.md 6: a token is too old to begin with, even for an entry that a join has kept", async () => {
    const { ref, token } = await client.allow(8);
    server.clock.advance(599_000);
    expect((await client.open({ ref, token })).status).toBe("ok");
    await client.leave(`musubi_upload:${ref}`);
    server.clock.advance(1_001);
    expect((await client.open({ ref, token })).response).toMatchObject({ reason: "invalid_token" });
  });

  test("server.md 4: a later join takes it over, and what an older one still sends counts for nothing", async () => {
    const { ref, token } = await client.allow(12);
    await client.open({ ref, token });
    await client.chunk(ref, bytes("0123"));
    const second = await server.connect();
    const last = client.chunk(ref, bytes("4567"));
    // The chunk is being written: it counts, and the offset says so.
    expect((await second.open({ ref, token })).response).toEqual({ offset: 8 });
    await last;
    await expect.poll(() => client.closed).toEqual([`musubi_upload:${ref}`]);
    expect((await client.chunk(ref, bytes("4567"))).status).toBe("error");
    expect((await second.chunk(ref, bytes("89ab"))).response).toEqual({ progress: 100 });
    await client.command("consume");
    expect(consumed).toEqual([{ name: "a.bin", bytes: "0123456789ab" }]);
  });

  test("server.md 4: one that cannot be written has failed, and the log says why", async () => {
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    await client.chunk(ref, bytes("0123"));
    await client.leave(`musubi_upload:${ref}`);
    const path = join(server.directory, server.files()[0] as string);
    // The open file is let go of first.
    await client.open({ ref, token });
    await client.leave(`musubi_upload:${ref}`);
    rmSync(path);
    mkdirSync(path);
    await client.open({ ref, token });
    expect((await client.chunk(ref, bytes("4567"))).response).toMatchObject({ reason: "internal" });
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", ref, error: { code: "internal" } });
    expect(server.log.causes).toMatchObject([/EISDIR/]);
  });

  test("protocol.md 6: an upload that nobody announced, a slot that nobody declared and another store's entry are unknown", async () => {
    const { ref, token } = await client.allow(8);
    const unknown = { status: "error", response: { reason: "unknown_upload", code: "unknown_upload" } };
    const file = { store_id: [], name: "file", ref };
    expect(await client.open({ ref: "constructor", token })).toEqual(unknown);
    expect(await client.push("allow_upload", { ...file, name: "toString", entries: [] })).toEqual(unknown);
    expect(await client.push("cancel_upload", { ...file, ref: "nobody" })).toEqual(unknown);
    expect(await client.push("cancel_upload", { ...file, store_id: ["row"] })).toEqual(unknown);
    // It takes bytes, and no reports.
    expect(await client.push("upload_progress", { ...file, progress: 100 })).toEqual(unknown);
    expect(await client.push("upload_error", { ...file, code: "x", message: "x" })).toEqual(unknown);
    expect((await client.push("allow_upload", { ...file, store_id: ["gone"], entries: [] })).response).toMatchObject({
      reason: "unknown_store",
    });
    expect((await client.command("cancelUnknown")).status).toBe("ok");
    expect((await client.command("consumeNone")).response).toMatchObject({ reason: "internal" });
    expect(await client.push("cancel_upload", file)).toEqual({ status: "ok", response: {} });
    expect(await client.push("cancel_upload", file)).toEqual(unknown);
  });
});

describe("consuming and cancelling", () => {
  async function send(text: string): Promise<string> {
    const { ref, token } = await client.allow(text.length);
    await client.open({ ref, token });
    for (let at = 0; at < text.length; at += 4) await client.chunk(ref, bytes(text.slice(at, at + 4)));
    return ref;
  }

  test("server.md 3: what the client cancels while it is consumed has been consumed by its turn", async () => {
    const ref = await send("0123");
    const consuming = client.command("consumeSlowly");
    const cancelling = client.push("cancel_upload", { store_id: [], name: "file", ref });
    await turns();
    held.open();
    expect((await consuming).status).toBe("ok");
    expect((await cancelling).response).toMatchObject({ reason: "unknown_upload" });
  });

  test("server.md 3: a command that ends while it consumes leaves the file to the next one", async () => {
    await send("0123");
    const consuming = client.command("consumeSlowly");
    await turns();
    server.clock.advance(30_000);
    expect((await consuming).response).toMatchObject({ reason: "timeout" });
    held.open();
    await turns();
    expect((await client.command("consume")).response).toEqual({ names: ["a.bin"], again: [] });
  });

  test("server.md 4: of what is cancelled nothing more is told, and another store's files of the same name stay", async () => {
    const { ref, token } = await client.allow(100);
    const other = await client.allow(8, "file", ["row"]);
    await client.open({ ref, token });
    for (let at = 0; at < 3; at++) await client.chunk(ref, bytes("0123"));
    await client.command("cancel");
    server.clock.advance(1_000);
    await turns();
    expect(ops().at(-1)).toEqual({ op: "cancel", ref, ...FILE });
    expect((await client.open(other)).status).toBe("ok");
  });

  test("server.md 4: the store cancels all, in one envelope, and their channels are closed after it", async () => {
    const done = await send("0123");
    const { ref, token } = await client.allow(8);
    await client.open({ ref, token });
    await client.command("cancel");
    expect(client.envelopes.at(-1)?.upload_ops).toEqual([
      { op: "cancel", ref: done, ...FILE },
      { op: "cancel", ref, ...FILE },
    ]);
    await expect.poll(() => client.closed.length).toBe(2);
    expect((await client.chunk(ref, bytes("0"))).status).toBe("error");
  });
});

describe("external slots", () => {
  const about = (ref: string) => ({ store_id: [], name: "elsewhere", ref });

  test("protocol.md 6: progress never goes back, and 100 is the end", async () => {
    const { ref } = await client.allow(8, "elsewhere");
    for (const progress of [30, 20, 40]) {
      expect(await client.push("upload_progress", { ...about(ref), progress })).toEqual({ status: "ok", response: {} });
      server.clock.advance(100);
      await turns();
    }
    await client.push("upload_progress", { ...about(ref), progress: 100 });
    await turns();
    const told = ops().filter(({ upload: name }) => name === "elsewhere");
    expect(told.map((op) => (op.op === "progress" ? op.progress : op.op))).toEqual(["add", 30, 30, 40, "complete"]);
    // It takes no bytes.
    expect((await client.open({ ref, token: "x" })).response).toMatchObject({ reason: "invalid_token" });
    expect((await client.push("upload_progress", { ...about(ref), progress: 101 })).response).toMatchObject({
      reason: "malformed_message",
    });
  });

  test("protocol.md 6: what the client says of a failure is told, cut to size", async () => {
    const { ref } = await client.allow(8, "elsewhere");
    const long = "x".repeat(5_000);
    await client.push("upload_error", { ...about(ref), code: "external_failed", message: long });
    await turns();
    expect(ops().at(-1)).toMatchObject({ op: "error", error: { code: "external_failed", message: "x".repeat(1_024) } });
    expect((await client.push("upload_progress", { ...about(ref), progress: 1 })).response).toMatchObject({
      reason: "unknown_upload",
    });
  });

  test("server.md 3: a presign that takes too long is a timeout, and its places in the bounds are free again", async () => {
    const tight = new UploadServer([A], { maxEntries: 1 });
    const alone = await tight.connect();
    await alone.mount();
    const allowing = alone.allow(8, "slow");
    await turns();
    tight.clock.advance(30_000);
    await expect(allowing).rejects.toThrow("timeout");
    held.open();
    await turns();
    expect(alone.log).not.toContain("add");
    // Refused by presign: that place is free again too.
    await expect(alone.allow(8, "refusing")).rejects.toThrow("quota");
    await alone.allow(8, "slow");
    await expect(alone.allow(8)).rejects.toThrow("overloaded");
    expect(await tight.close()).toEqual({ timers: 0, files: [] });
  });
});
