import { tmpdir } from "node:os";
import { eventually } from "@musubi/testing";
import type { Channel, Socket } from "phoenix";
import { afterEach, describe, expect, test } from "vitest";
import { defineAlbum, quickSocket } from "./support/album.js";
import {
  type StoreUploadServer,
  type StoreUploadServerOptions,
  startStoreServer,
} from "./support/store-upload-server.js";

// Nothing here is sent elsewhere or moved.
const Album = defineAlbum("http://localhost", tmpdir());

const server = (options: Partial<StoreUploadServerOptions> = {}): Promise<StoreUploadServer> =>
  startStoreServer({ stores: [Album], ...options });

let running: StoreUploadServer;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await running.close();
});

function open(params: object): Socket {
  const socket = quickSocket(running.url, params);
  sockets.push(socket);
  return socket;
}

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
      uploads: { tokenTtlMs: 600_000, secret: "which all of these processes share" },
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
