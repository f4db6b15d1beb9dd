import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ExternalUploader, type MusubiConnection, type UploadHandle } from "@musubi/client";
import {
  command,
  createMusubiServer,
  defineStore,
  type InferStores,
  Rejection,
  type UploadedFile,
  upload,
} from "@musubi/server";
import { eventually } from "@musubi/testing";
import { type Channel, Socket } from "phoenix";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  hashOfFile,
  type PutTarget,
  type StoreUploadServer,
  type StoreUploadServerOptions,
  startKeepingServer,
  startPutTarget,
  startStoreServer,
} from "./support/store-upload-server.js";

let target: PutTarget;
let kept: string;

const Album = defineStore("Album", {
  mount: () => ({ saved: [] as readonly string[] }),
  uploads: {
    photos: { accept: [".bin", "text/*"], maxEntries: 5, maxFileSize: 30_000, chunkSize: 1_000 },
    cover: { chunkSize: 1_000, chunkTimeoutMs: 60_000 },
    auto: { autoUpload: true },
    elsewhere: {
      maxEntries: 3,
      async presign({ ref, name }) {
        if (name.startsWith("never")) throw new Rejection("quota");
        if (name.startsWith("broken")) throw new Error("secret");
        const path = name.startsWith("forbidden") ? "forbidden" : ref;
        return { uploader: "put", meta: { url: `${target.url}/${path}` } };
      },
    },
  },
  render: ({ saved }) => ({
    saved,
    photos: upload("photos"),
    cover: upload("cover"),
    auto: upload("auto"),
    elsewhere: upload("elsewhere"),
  }),
  commands: {
    save: command(v.object({ postpone: v.optional(v.string(), "") }), async (ctx, { postpone }) => {
      const consume = async ({ path, name }: UploadedFile, keep: () => void): Promise<string> => {
        if (name === postpone) keep();
        else if (name === "move.bin") {
          await rename(path, join(kept, "moved"));
          return "moved";
        }
        return hashOfFile(path);
      };
      const photos = await ctx.consumeUploadedEntries("photos", consume);
      const cover = await ctx.consumeUploadedEntries("cover", consume);
      ctx.assign({ saved: [...ctx.assigns.saved, ...photos, ...cover] });
      return { hashes: [...photos, ...cover] };
    }),
    saveElsewhere: command(async (ctx) => ({
      names: await ctx.consumeUploadedEntries("elsewhere", ({ name, uploader }) => `${name} by ${uploader}`),
    })),
    fail: command(async (ctx) => {
      await ctx.consumeUploadedEntries("photos", () => 1);
      ctx.cancelUpload("cover");
      throw new Error("after all");
    }),
    drop: command((ctx) => ctx.cancelUpload("photos")),
  },
});

const server = (options: Partial<StoreUploadServerOptions> = {}): Promise<StoreUploadServer> =>
  startStoreServer({ stores: [Album], ...options });
type Stores = InferStores<ReturnType<typeof createMusubiServer<[typeof Album]>>>;

let running: StoreUploadServer;
const sockets: Socket[] = [];

beforeEach(async () => {
  target = await startPutTarget();
  kept = mkdtempSync(join(tmpdir(), "musubi-kept-"));
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await running.close();
  await target.close();
  rmSync(kept, { recursive: true, force: true });
});

const put: ExternalUploader = async ({ file, meta, signal }) => {
  const response = await fetch((meta as { url: string }).url, { method: "PUT", body: file, signal });
  if (!response.ok) throw new Error(`the target answered ${response.status}`);
};

function open(params: object = {}): Socket {
  const socket = new Socket(running.url, {
    transport: WebSocket,
    params,
    reconnectAfterMs: () => 5,
    rejoinAfterMs: () => 5,
  });
  sockets.push(socket);
  return socket;
}

async function mountAlbum(): Promise<{ connection: MusubiConnection<Stores>; album: Album }> {
  const connection = await connect<Stores>(open(), { uploaders: { put } });
  const { store } = await connection.mountStore({ module: "Album", id: "a" });
  return { connection, album: store };
}
type Album = Awaited<ReturnType<MusubiConnection<Stores>["mountStore"]>>["store"];

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const statuses = (slot: UploadHandle) => slot.entries.map(({ status }) => status);
const codes = (slot: UploadHandle) => slot.entries.map(({ errors }) => errors.map(({ code }) => code));

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

test("server.md 4: InferStores projects slots to the client's handles", async () => {
  running = await server();
  const { album } = await mountAlbum();
  const isHandle: Equal<Album["photos"], UploadHandle> = true;
  const isText: Equal<Album["saved"], readonly string[]> = true;
  expect([isHandle, isText]).toEqual([true, true]);
  expect([album.photos.name, album.saved]).toEqual(["photos", []]);
});

describe("files of a real client", () => {
  test("protocol.md 6: they arrive byte by byte, an empty one too, are consumed once, and leave no temp file", async () => {
    running = await server();
    const { album } = await mountAlbum();
    expect(album.photos.config).toEqual({
      accept: [".bin", "text/*"],
      max_entries: 5,
      max_file_size: 30_000,
      chunk_size: 1_000,
    });
    const all = [randomBytes(12_345), randomBytes(1_000), randomBytes(0), randomBytes(1)];
    await album.photos.select(all.map((bytes, index) => new File([bytes], `${index}.bin`)));
    await album.photos.start();
    expect(statuses(album.photos)).toEqual(["success", "success", "success", "success"]);
    await expect(album.dispatchCommand("save", {})).resolves.toEqual({ hashes: all.map(hashOf) });
    await expect(album.dispatchCommand("save", {})).resolves.toEqual({ hashes: [] });
    await eventually(() => running.files().length === 0, "the temp files are gone");
  });

  test("protocol.md 6: cut three times in the middle it goes on, and no byte comes twice", async () => {
    let chunks = 0;
    let bytes = 0;
    running = await startKeepingServer([Album], (length) => {
      bytes += length;
      // The bytes are kept, and their answer is lost; or it is on its way.
      if (++chunks === 5 || chunks === 11) running.cut();
      if (chunks === 8) setImmediate(() => running.cut());
    });
    const { connection, album } = await mountAlbum();
    const file = randomBytes(20_500);
    await album.photos.select(new File([file], "a.bin"), { autoStart: true });
    await album.photos.start();
    expect(statuses(album.photos)).toEqual(["success"]);
    expect([chunks, bytes]).toEqual([21, 20_500]);
    await eventually(() => connection.status.current === "ready");
    await expect(album.dispatchCommand("save", {})).resolves.toEqual({ hashes: [hashOf(file)] });
    await eventually(() => running.files().length === 0, "the temp file is gone");
  });

  test("server.md 4: what is postponed comes again, what was moved away is nobody's loss", async () => {
    running = await server();
    const { album } = await mountAlbum();
    const [first, second] = [randomBytes(2_500), randomBytes(1_500)];
    await album.photos.select([new File([first], "move.bin"), new File([second], "later.bin")], { autoStart: true });
    await album.photos.start();
    await expect(album.dispatchCommand("save", { postpone: "later.bin" })).resolves.toEqual({
      hashes: ["moved", hashOf(second)],
    });
    await expect(hashOfFile(join(kept, "moved"))).resolves.toBe(hashOf(first));
    await eventually(() => running.files().length === 1, "only the postponed one is left");
    await expect(album.dispatchCommand("save", {})).resolves.toEqual({ hashes: [hashOf(second)] });
    await eventually(() => running.files().length === 0);
  });

  test("server.md 3: a command that fails after all has consumed and cancelled nothing", async () => {
    running = await server();
    const { album } = await mountAlbum();
    const bytes = randomBytes(1_500);
    await album.photos.select(new File([bytes], "a.bin"), { autoStart: true });
    await album.cover.select(new File([bytes], "b"), { autoStart: true });
    await Promise.all([album.photos.start(), album.cover.start()]);
    await expect(album.dispatchCommand("fail")).rejects.toMatchObject({ kind: "failed" });
    expect(statuses(album.cover)).toEqual(["success"]);
    await expect(album.dispatchCommand("save", {})).resolves.toEqual({ hashes: [hashOf(bytes), hashOf(bytes)] });
    await eventually(() => running.files().length === 0);
  });

  test("protocol.md 6: the client cancels one, the store cancels the rest, and their files go", async () => {
    running = await server();
    const { album } = await mountAlbum();
    const file = (name: string) => new File([randomBytes(9_000)], name);
    await album.photos.select([file("a.bin"), file("b.bin")], { autoStart: true });
    await album.photos.start();
    await album.photos.select([file("c.bin")], { autoStart: true });
    await eventually(() => running.files().length === 3, "the third has begun");
    await album.photos.cancel(album.photos.entries[2]?.ref);
    await album.photos.start();
    await eventually(() => running.files().length === 2);
    await album.dispatchCommand("drop");
    await eventually(() => album.photos.entries.every(({ status }) => status === "cancelled"));
    await eventually(() => running.files().length === 0);
  });

  test("server.md 4: a slot with autoUpload has what is selected sent at once", async () => {
    running = await server();
    const { album } = await mountAlbum();
    await album.auto.select(new File(["abc"], "a"));
    await eventually(() => album.auto.isSuccess);
    expect(running.files().length).toBe(1);
  });

  test("server.md 4: a single file that is there gives way to the next one", async () => {
    running = await server();
    const { album } = await mountAlbum();
    const [first, second] = [randomBytes(10), randomBytes(20)];
    for (const bytes of [first, second]) {
      await album.cover.select(new File([bytes], "a"), { autoStart: true });
      await album.cover.start();
    }
    expect(statuses(album.cover)).toEqual(["cancelled", "success"]);
    await expect(album.dispatchCommand("save", {})).resolves.toEqual({ hashes: [hashOf(second)] });
  });

  test.each(["unmount", "disconnect", "cut"])(
    "server.md 4: a file that is under way goes with its root: %s",
    async (how) => {
      running = await server();
      const { connection, album } = await mountAlbum();
      const mounted = await connection.mountStore({ module: "Album", id: "b" });
      await mounted.store.photos.select(new File([randomBytes(30_000)], "a.bin"), { autoStart: true });
      await album.photos.select(new File([randomBytes(500)], "b.bin"), { autoStart: true });
      await album.photos.start();
      await eventually(() => running.files().length === 2);
      if (how === "unmount") await mounted.unmount();
      else if (how === "disconnect") await connection.disconnect();
      else running.cut();
      await eventually(() => running.files().length === (how === "unmount" ? 1 : 0));
      if (how === "unmount") await expect(album.dispatchCommand("save", {})).resolves.toMatchObject({ hashes: [/./] });
    },
  );
});

describe("an external slot against a real HTTP target", () => {
  test("protocol.md 6: the bytes go to the presigned place, and the store hears of the end", async () => {
    running = await server();
    const { album } = await mountAlbum();
    const bytes = randomBytes(300_000);
    const { accepted } = await album.elsewhere.select(new File([bytes], "a.mp4"), { autoStart: true });
    await album.elsewhere.start();
    expect(statuses(album.elsewhere)).toEqual(["success"]);
    const taken = target.taken.get(`/${accepted[0]}`);
    expect([taken?.bytes, taken?.hash.digest("hex")]).toEqual([300_000, hashOf(bytes)]);
    expect(running.files()).toEqual([]);
    await expect(album.dispatchCommand("saveElsewhere")).resolves.toEqual({ names: ["a.mp4 by put"] });
  });

  test("protocol.md 6: a target that refuses fails the entry, and one that presign refuses never becomes one", async () => {
    running = await server();
    const { album } = await mountAlbum();
    const file = (name: string) => new File(["x"], name);
    const { accepted, rejected } = await album.elsewhere.select(
      [file("forbidden.txt"), file("never.txt"), file("broken.txt")],
      { autoStart: true },
    );
    await album.elsewhere.start();
    expect(accepted.length).toBe(1);
    expect(rejected.map(({ code }) => code)).toEqual(["quota", "internal"]);
    expect(JSON.stringify(rejected)).not.toContain("secret");
    expect(codes(album.elsewhere)).toEqual([["external_failed"]]);
    await expect(album.dispatchCommand("saveElsewhere")).resolves.toEqual({ names: [] });
  });
});

/** A client that checks nothing itself. */
class RawClient {
  readonly #socket: Socket;
  readonly #connection: Channel;
  /** Ops of uploads, in order. */
  readonly ops: Record<string, unknown>[] = [];

  constructor(params: object = {}) {
    this.#socket = open(params);
    this.#socket.connect();
    this.#connection = this.#socket.channel("musubi:connection", {});
    this.#connection.on("patch", ({ upload_ops = [] }: { upload_ops?: Record<string, unknown>[] }) => {
      this.ops.push(...upload_ops);
    });
  }

  async mount(): Promise<this> {
    await answerOf(this.#connection.join());
    await answerOf(this.#connection.push("mount", { module: "Album", id: "a", params: {} }));
    return this;
  }

  push(event: string, message: object): Promise<Record<string, unknown>> {
    return answerOf(this.#connection.push(event, { root_id: "Album:a", store_id: [], name: "photos", ...message }));
  }

  async allow(size: number, name = "a.bin"): Promise<{ entry_ref: string; token: string }> {
    const { entries } = await this.push("allow_upload", { entries: [{ client_ref: "1", name, size, type: "" }] });
    return (entries as Record<string, { entry_ref: string; token: string }>)["1"] as never;
  }

  async join(ref: string, token: unknown): Promise<{ answer: unknown; channel: Channel }> {
    const channel = this.#socket.channel(`musubi_upload:${ref}`, { token });
    const answer = await answerOf(channel.join());
    // phoenix.js asks for ever.
    if ("reason" in answer) channel.leave();
    return { answer, channel };
  }
}

type Push = ReturnType<Channel["push"]>;

/** The response of a push, or what it was refused with. */
function answerOf(push: Push): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    push
      .receive("ok", resolve)
      .receive("error", resolve)
      .receive("timeout", () => reject(new Error("timeout")));
  });
}

const chunk = (channel: Channel, bytes: number) => answerOf(channel.push("chunk", new Uint8Array(bytes).buffer));

describe("a client that checks nothing", () => {
  test("protocol.md 6: files of a wrong kind, too large and too many are refused one by one; the rest is taken", async () => {
    running = await server();
    const client = await new RawClient().mount();
    const entry = (client_ref: string, name: string, size = 1, type = "") => ({ client_ref, name, size, type });
    const { entries, errors, config } = await client.push("allow_upload", {
      entries: [
        entry("__proto__", "../../a.BIN"),
        entry("text", "a", 1, "Text/Plain; charset=utf-8"),
        entry("wrong", "bin.exe", 1, "application/octet-stream"),
        entry("large", "b.bin", 30_001),
        entry("3", "3.bin"),
        entry("4", "4.bin"),
        entry("5", "5.bin"),
        entry("6", "6.bin"),
      ],
    });
    expect(Object.keys(entries as object)).toEqual(["3", "4", "5", "__proto__", "text"]);
    expect((errors as { ref: string; code: string }[]).map(({ ref, code }) => [ref, code])).toEqual([
      ["wrong", "not_accepted"],
      ["large", "too_large"],
      ["6", "too_many_files"],
    ]);
    expect(config).toMatchObject({ max_entries: 5, max_file_size: 30_000 });
    const again = await client.push("allow_upload", { entries: [entry("7", "7.bin")] });
    expect(again["errors"]).toMatchObject([{ ref: "7", code: "too_many_files" }]);
    // No token travels in an envelope.
    expect(JSON.stringify(client.ops)).not.toContain("token");
  });

  test("protocol.md 6: forged, expired and other people's tokens are refused, and so is a ref that is none", async () => {
    running = await server({
      connect: ({ params }) => ({ user: { id: params["user"] } }),
      uploads: { tokenTtlMs: 600_000, secret: "of all processes" },
    });
    const client = await new RawClient({ user: "ada" }).mount();
    const other = await new RawClient({ user: "eve" }).mount();
    const { entry_ref, token } = await client.allow(2_000);
    const second = await client.allow(2_000);
    const [body = "", mac = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as unknown[];
    const richer = Buffer.from(JSON.stringify(claims.with(4, 1_000_000))).toString("base64url");
    for (const wrong of [`${richer}.${mac}`, body, `${body}.`, `${token}x.`, "", null, second.token]) {
      expect((await client.join(entry_ref, wrong)).answer).toMatchObject({ reason: "invalid_token" });
    }
    expect((await other.join(entry_ref, token)).answer).toMatchObject({ reason: "invalid_token" });
    expect((await client.join("../../etc/passwd", token)).answer).toMatchObject({ reason: "unknown_upload" });
    expect((await client.join(entry_ref, token)).answer).toEqual({ offset: 0 });
    await running.close();
    running = await server({ uploads: { tokenTtlMs: 30 } });
    const late = await new RawClient().mount();
    const expired = await late.allow(2_000);
    await eventually(() => late.ops.some(({ op }) => op === "error"), "the entry has failed");
    expect(late.ops.at(-1)).toMatchObject({ ref: expired.entry_ref, error: { code: "chunk_timeout" } });
    expect((await late.join(expired.entry_ref, expired.token)).answer).toMatchObject({ reason: "unknown_upload" });
  });

  test("protocol.md 6: chunks that are too large, or more than was announced, end the file", async () => {
    running = await server();
    const client = await new RawClient().mount();
    const { entry_ref, token } = await client.allow(1_500);
    const { channel } = await client.join(entry_ref, token);
    expect(await answerOf(channel.push("chunk", { not: "bytes" }))).toMatchObject({ reason: "malformed_message" });
    expect(await answerOf(channel.push("other", {}))).toMatchObject({ reason: "unknown_event" });
    expect(await chunk(channel, 1_000)).toEqual({ progress: 66 });
    expect(await chunk(channel, 501)).toMatchObject({ reason: "too_large" });
    const second = await client.allow(1_500);
    const { channel: fast } = await client.join(second.entry_ref, second.token);
    expect(await chunk(fast, 1_001)).toMatchObject({ reason: "chunk_too_large" });
    await eventually(() => client.ops.filter(({ op }) => op === "error").length === 2);
    await eventually(() => running.files().length === 0);
  });

  test("server.md 4: a join takes an entry over, and the channel that had it is closed", async () => {
    running = await server();
    const client = await new RawClient().mount();
    const { entry_ref, token } = await client.allow(1_500);
    const { channel } = await client.join(entry_ref, token);
    expect(await chunk(channel, 700)).toEqual({ progress: 46 });
    let isClosed = false;
    channel.onClose(() => {
      isClosed = true;
    });
    // Another socket, with the same token: the same client, whose first one is half open.
    const second = new RawClient();
    const taken = await second.join(entry_ref, token);
    expect(taken.answer).toEqual({ offset: 700 });
    await eventually(() => isClosed, "the first channel is closed");
    expect(await chunk(taken.channel, 800)).toEqual({ progress: 100 });
    const { response } = (await client.push("command", { name: "save", payload: {} })) as { response?: unknown };
    expect(response).toBeUndefined();
    await eventually(() => running.files().length === 0, "it was consumed");
  });

  test("server.md 4: past the bounds of a root and of the process files are overloaded, until others have gone", async () => {
    running = await server({ uploads: { maxEntriesPerRoot: 3, maxBytes: 5_000 } });
    const client = await new RawClient().mount();
    const entry = (client_ref: string, size: number) => ({ client_ref, name: "a.bin", size, type: "" });
    const first = await client.push("allow_upload", { entries: [entry("1", 4_000), entry("2", 4_000), entry("3", 1)] });
    expect(first["errors"]).toMatchObject([{ ref: "2", code: "overloaded" }]);
    const more = await client.push("allow_upload", { entries: [entry("4", 1), entry("5", 1)] });
    expect(more["errors"]).toMatchObject([{ ref: "5", code: "overloaded" }]);
    const { entries } = first as { entries: Record<string, { entry_ref: string }> };
    await client.push("cancel_upload", { ref: entries["1"]?.entry_ref });
    const last = await client.push("allow_upload", { entries: [entry("6", 4_000)] });
    expect(last["errors"]).toEqual([]);
  });
});
