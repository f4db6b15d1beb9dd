import { createHash, randomBytes } from "node:crypto";
import {
  type AnyRegistry,
  connect,
  type ExternalUploader,
  type MusubiConnection,
  type UploadHandle,
} from "@musubi/client";
import { createSocket } from "@musubi/client/socket";
import { stop } from "@musubi/server";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startUploadServer, type TestUploadServer, type UploadServerOptions } from "./support/upload-server.js";

let server: TestUploadServer;
let socket: Socket;
let connection: MusubiConnection<AnyRegistry>;

const put: ExternalUploader = async ({ file, meta, signal, onProgress }) => {
  onProgress(1);
  const { url } = meta as { url: string };
  const response = await fetch(url, { method: "PUT", body: file, signal });
  if (!response.ok) throw new Error(`the target answered ${response.status}`);
};

async function open(options?: UploadServerOptions): Promise<{ photos: UploadHandle; elsewhere: UploadHandle }> {
  server = await startUploadServer(options);
  socket = new Socket(server.url, { transport: WebSocket, reconnectAfterMs: () => 5, rejoinAfterMs: () => 5 });
  connection = await connect<AnyRegistry>(socket, { uploaders: { put } });
  const { store } = await connection.mountStore({ module: "Album", id: "a" });
  return store as unknown as { photos: UploadHandle; elsewhere: UploadHandle };
}

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  await eventually(() => server.openUploads() === 0, "every upload channel has ended");
  await server.close();
});

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const statuses = (slot: UploadHandle) => slot.entries.map(({ status }) => status);

describe("channel mode over a real socket", () => {
  test("protocol.md 6: every byte arrives, in chunks of chunk_size, of several files and of an empty one", async () => {
    const { photos } = await open();
    const all = [randomBytes(12_345), randomBytes(1_000), randomBytes(0), randomBytes(1)];
    const { accepted } = await photos.select(all.map((bytes, index) => new File([bytes], `${index}.bin`)));
    await photos.start();
    expect(statuses(photos)).toEqual(["success", "success", "success", "success"]);
    expect(photos.progress).toBe(100);
    const files = accepted.map((ref) => server.files.get(ref));
    expect(files.map((file) => file?.hash.digest("hex"))).toEqual(all.map(hashOf));
    expect(files[0]?.offsets).toEqual(Array.from({ length: 13 }, (_, index) => index * 1_000));
    await eventually(() => server.openUploads() === 0, "the channels are left");
  });

  test("protocol.md 6: cut in the middle three times, once after each kind of loss, it goes on without a byte twice", async () => {
    const bytes = randomBytes(20_500);
    let chunks = 0;
    const { photos } = await open({
      onChunk: () => {
        // The bytes are kept, and their answer is lost.
        if (++chunks === 5 || chunks === 11) server.cut();
        if (chunks === 8) setImmediate(() => server.cut());
      },
    });
    const { accepted } = await photos.select(new File([bytes], "a.bin"), { autoStart: true });
    await photos.start();
    const file = server.files.get(accepted[0] as string);
    expect(statuses(photos)).toEqual(["success"]);
    expect(file?.offsets).toEqual(Array.from({ length: 21 }, (_, index) => index * 1_000));
    expect(file?.hash.digest("hex")).toBe(hashOf(bytes));
    expect(server.joins()).toBe(4);
  });

  test("protocol.md 6: a channel that crashes on the server goes on, unless it crashes again and again; one that it closes has failed", async () => {
    let chunks = 0;
    const { photos } = await open({
      onChunk: ({ name }) => {
        if (++chunks === 2 || name === "c.bin") return stop("error");
        return name === "b.bin" ? stop("normal") : undefined;
      },
    });
    await photos.select(new File([randomBytes(4_500)], "a.bin"), { autoStart: true });
    await photos.start();
    expect(server.files.get("f1")?.offsets).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
    await photos.select(new File([randomBytes(4_500)], "b.bin"), { autoStart: true });
    await photos.start();
    expect(photos.entries.map(({ status, errors }) => [status, errors[0]?.code])).toEqual([
      ["success", undefined],
      ["error", "internal"],
    ]);
    expect(server.joins()).toBe(3);
    await photos.select(new File([randomBytes(9_500)], "c.bin"), { autoStart: true });
    await photos.start();
    expect(photos.entries[2]).toMatchObject({ status: "error", errors: [{ code: "internal" }] });
    expect(server.joins()).toBe(7);
  });

  test("protocol.md 6: a root that is mounted anew after a cut interrupts the file", async () => {
    let chunks = 0;
    const { photos } = await open({
      onChunk: () => {
        if (++chunks !== 3) return;
        server.forget();
        server.cut();
      },
    });
    void photos.select(new File([randomBytes(9_000)], "a.bin"));
    await photos.start();
    expect(photos.entries.map(({ status, errors }) => [status, errors.at(-1)?.code])).toEqual([
      ["error", "interrupted"],
    ]);
    await eventually(() => photos.isError);
    // And the slot is good for another go.
    await photos.reset();
    await eventually(() => connection.status.current === "ready");
    await photos.select(new File(["again"], "b.txt"), { autoStart: true });
    await photos.start();
    expect(statuses(photos)).toEqual(["success"]);
  });

  test("protocol.md 6: cancel ends it here and on the server, and the other file arrives", async () => {
    const cancelled: Promise<void>[] = [];
    const { photos } = await open({
      onChunk: ({ name, received }) => {
        if (name === "a.bin" && received === 3_000) cancelled.push(photos.cancel(photos.entries[0]?.ref));
      },
    });
    void photos.select([new File([randomBytes(9_000)], "a.bin"), new File([randomBytes(9_000)], "b.bin")]);
    await photos.start();
    expect(cancelled.length).toBe(1);
    expect(statuses(photos)).toEqual(["cancelled", "success"]);
    await eventually(() => server.files.get("f1")?.state === "cancelled");
    expect(server.files.get("f1")?.received).toBeLessThan(9_000);
    expect(server.files.get("f2")).toMatchObject({ state: "complete", received: 9_000 });
  });
});

test("protocol.md 8: where roots have channels of their own, what uploads say there names no root", async () => {
  await open();
  const own = await connect<AnyRegistry>(socket, { topic: "roots", topology: "channel-per-root" });
  const { store } = await own.mountStore({ module: "Album", id: "a" });
  const { photos } = store as unknown as { photos: UploadHandle };
  const { accepted } = await photos.select(new File(["abc"], "a.txt"), { autoStart: true });
  await photos.start();
  expect(statuses(photos)).toEqual(["success"]);
  expect(server.files.get(accepted[0] as string)?.received).toBe(3);
  expect(server.announced).toEqual([
    { store_id: [], name: "photos", entries: [{ client_ref: "1", name: "a.txt", size: 3, type: "" }] },
  ]);
  await own.disconnect();
});

test("protocol.md 6: over a socket of createSocket the join keeps the upload's own token, also after a cut", async () => {
  let chunks = 0;
  await open({
    onChunk: () => {
      if (++chunks === 2) server.cut();
    },
  });
  const own = createSocket(Socket, server.url, {
    transport: WebSocket,
    token: async () => "of the user",
    reconnectBackoff: { baseMs: 5 },
    rejoinBackoff: { baseMs: 5 },
  });
  const again = await connect<AnyRegistry>(own);
  const { store } = await again.mountStore({ module: "Album", id: "a" });
  const { photos } = store as unknown as { photos: UploadHandle };
  await photos.select(new File([randomBytes(3_500)], "a.bin"), { autoStart: true });
  await photos.start();
  expect(statuses(photos)).toEqual(["success"]);
  expect(server.files.get("f1")?.offsets).toEqual([0, 1_000, 2_000, 3_000]);
  await again.disconnect();
  own.disconnect();
});

describe("external mode against a real HTTP target", () => {
  test("protocol.md 6: the bytes go to the target, and the server hears of the end", async () => {
    const { elsewhere } = await open();
    const bytes = randomBytes(300_000);
    const { accepted } = await elsewhere.select(new File([bytes], "a.bin"));
    await elsewhere.start();
    expect(statuses(elsewhere)).toEqual(["success"]);
    const file = server.files.get(accepted[0] as string);
    expect(file).toMatchObject({ state: "complete", received: 300_000 });
    expect(file?.hash.digest("hex")).toBe(hashOf(bytes));
    expect(server.joins()).toBe(0);
  });

  test("protocol.md 6: a target that refuses fails the entry, and the server hears why", async () => {
    const { elsewhere } = await open();
    await elsewhere.select(new File(["x"], "forbidden.txt"));
    await elsewhere.start();
    expect(elsewhere.entries[0]?.errors).toEqual([{ code: "external_failed", message: "the target answered 403" }]);
    await eventually(() => server.errors.length === 1);
    expect(server.errors[0]).toMatchObject({ ref: "f1", code: "external_failed", root_id: "Album:a" });
  });
});
