import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ExternalUploader, type MusubiConnection, type UploadHandle } from "@musubi/client";
import { eventually } from "@musubi/testing";
import type { Socket } from "phoenix";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AlbumStores, defineAlbum, quickSocket } from "./support/album.js";
import {
  hashOfFile,
  type PutTarget,
  type StoreUploadServer,
  startKeepingServer,
  startPutTarget,
  startStoreServer,
} from "./support/store-upload-server.js";

let target: PutTarget;
let kept: string;
let store: ReturnType<typeof defineAlbum>;
let running: StoreUploadServer;
const sockets: Socket[] = [];

const server = (): Promise<StoreUploadServer> => startStoreServer({ stores: [store] });

beforeEach(async () => {
  target = await startPutTarget();
  kept = mkdtempSync(join(tmpdir(), "musubi-kept-"));
  store = defineAlbum(target.url, kept);
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

async function mountAlbum(): Promise<{ connection: MusubiConnection<AlbumStores>; album: Album }> {
  const socket = quickSocket(running.url);
  sockets.push(socket);
  const connection = await connect<AlbumStores>(socket, { uploaders: { put } });
  const mounted = await connection.mountStore({ module: "Album", id: "a" });
  return { connection, album: mounted.store };
}
type Album = Awaited<ReturnType<MusubiConnection<AlbumStores>["mountStore"]>>["store"];

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
    running = await startKeepingServer([store], (length) => {
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
