import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDeferred } from "../deferred.js";
import type { AnyRegistry, CacheRecord, Logger, MusubiConnection, UploadHandle } from "../index.js";
import type { OpenedRoot } from "../runtime.js";

// The code that reads uploads is loaded anew in each of these tests, when `load` says so.

type Client = typeof import("../index.js");

const SLOT = { __musubi_upload__: "photos" };
const ALBUM = { module: "Album", id: "a" };
const ROOT = "Album:a";
const entry = {
  ref: "e1",
  client_name: "a.txt",
  client_size: 3,
  client_type: "",
  progress: 0,
  status: "pending",
  errors: [],
} as const;
const added = { op: "add", upload: "photos", store_id: [], ref: "e1", entry } as const;

let client: Client;
let server: ScriptedServer;
let socket: TestSocket;
let clock: FakeClock;
let connection: MusubiConnection<AnyRegistry>;
/** How often the code was asked for, and what comes of it: nothing yet. */
let asked: number;
let load = createDeferred<void>();
const logger = { warn: vi.fn(), error: vi.fn() } satisfies Logger;

const mock = (): void => {
  const loading = (load = createDeferred());
  vi.doMock("./upload-table.js", async (original) => {
    asked++;
    await loading.promise;
    return original();
  });
};

beforeEach(async () => {
  vi.clearAllMocks();
  vi.resetModules();
  asked = 0;
  mock();
  client = await import("../index.js");
  clock = new FakeClock();
  server = new ScriptedServer()
    .store("Album", () => ({ title: "first", photos: SLOT }))
    .store("Page", () => ({ title: "first" }));
  socket = server.createSocket();
  connection = await client.connect<AnyRegistry>(socket, { clock, logger, random: () => 0.5 });
});

afterEach(async () => {
  vi.doUnmock("./upload-table.js");
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
  expect(logger.error).not.toHaveBeenCalled();
});

const pushed = (event: string): number => server.messages(event).length;
const read = (opened: OpenedRoot<string, AnyRegistry>): { title?: string; photos?: UploadHandle } | undefined =>
  opened.store.snapshot() as { title?: string; photos?: UploadHandle } | undefined;
const rename = (root: string, title: string): void =>
  server.patch(root, [{ op: "replace", path: "/title", value: title }]);
/** Makes the loading fail; the next one may go on. */
const fail = (): void => {
  const failed = load;
  mock();
  failed.reject(new Error("no network"));
};

test("client.md 16: a root with uploads waits for the code that reads them, with all that comes, in order", async () => {
  const album = connection.openRoot(ALBUM);
  await eventually(() => asked === 1);
  rename(ROOT, "second");
  server.patch(ROOT, [], { upload_ops: [added] });
  const page = await connection.mountStore({ module: "Page", id: "p" });
  rename("Page:p", "other");
  await eventually(() => (page.store.snapshot() as { title?: unknown }).title === "other");
  expect([album.state.current.status, read(album)]).toEqual(["loading", undefined]);
  load.resolve();
  await album.ready;
  expect(read(album)).toMatchObject({ title: "second", photos: { entries: [entry] } });
  expect([pushed("mount"), asked, logger.warn.mock.calls]).toEqual([2, 1, []]);
});

test("client.md 16: the code is loaded once, for all roots", async () => {
  load.resolve();
  await client.loadUploads();
  await connection.mountStore(ALBUM);
  const album = await connection.mountStore({ ...ALBUM, id: "b" });
  expect(album.store.snapshot()).toMatchObject({ photos: { status: "idle" } });
  expect(asked).toBe(1);
});

test.each([
  ["a marker that comes with an op", () => server.patch("Page:p", [{ op: "add", path: "/photos", value: SLOT }])],
  [
    "an object that becomes a marker",
    () =>
      server.patch("Page:p", [
        { op: "add", path: "/photos", value: {} },
        { op: "add", path: "/photos/__musubi_upload__", value: "photos" },
      ]),
  ],
  ["an upload op", () => server.patch("Page:p", [], { upload_ops: [{ ...added, store_id: [] }] })],
])("client.md 16: %s is waited with too, and the last state stays readable", async (_what, send) => {
  const page = connection.openRoot({ module: "Page", id: "p" });
  await page.ready;
  const before = read(page);
  send();
  rename("Page:p", "second");
  await eventually(() => asked === 1);
  expect([page.state.current.status, read(page)]).toEqual(["live", before]);
  expect(read(page)).toBe(before);
  load.resolve();
  await eventually(() => read(page)?.title === "second");
  expect([pushed("mount"), logger.warn.mock.calls]).toEqual([1, []]);
});

test("client.md 16: an upload op of a wrong shape recovers, also while its code is loaded", async () => {
  const album = connection.openRoot(ALBUM);
  await eventually(() => asked === 1);
  server.patch(ROOT, [], { upload_ops: [{ op: "progress", upload: "photos", store_id: [] } as never] });
  load.resolve();
  await eventually(() => pushed("mount") === 2 && album.state.current.status === "live");
  expect(pushed("unmount")).toBe(1);
});

test("client.md 16: a first mount whose code cannot be loaded rejects with not_loaded, and the next tries afresh", async () => {
  const mounting = connection.mountStore(ALBUM);
  await eventually(() => asked === 1);
  fail();
  await expect(mounting).rejects.toMatchObject({ name: "MusubiMountError", code: "not_loaded", retryable: true });
  expect(pushed("unmount")).toBe(1);
  load.resolve();
  const album = await connection.mountStore(ALBUM);
  expect(album.store.snapshot()).toMatchObject({ photos: { status: "idle" } });
  expect(asked).toBe(2);
});

test("client.md 16: code that never comes counts as not loaded after the time for a mount", async () => {
  const mounting = connection.mountStore(ALBUM);
  await eventually(() => asked === 1);
  clock.advance(10_000);
  await expect(mounting).rejects.toMatchObject({ code: "not_loaded" });
  load.resolve();
  await client.loadUploads();
});

test("client.md 16: a root that has state recovers when its code cannot be loaded, with back-off, and shows why", async () => {
  const page = connection.openRoot({ module: "Page", id: "p" });
  await page.ready;
  server.patch("Page:p", [{ op: "add", path: "/photos", value: SLOT }]);
  await eventually(() => asked === 1);
  server.store("Page", () => ({ title: "again", photos: SLOT }));
  fail();
  await eventually(() => page.state.current.status === "recovering");
  expect(page.state.current.error?.code).toBe("not_loaded");
  expect(read(page)).toMatchObject({ title: "first" });
  await eventually(() => pushed("unmount") === 1 && clock.pending === 1);
  expect(pushed("mount")).toBe(1);
  load.resolve();
  clock.advance(500);
  await eventually(() => page.state.current.status === "live");
  expect(read(page)).toMatchObject({ title: "again", photos: { status: "idle" } });
});

test("client.md 16: what a drop cut off is not shown afterwards", async () => {
  const album = connection.openRoot(ALBUM);
  const seen = new Set<unknown>();
  album.store.subscribe(() => seen.add(read(album)?.title));
  await eventually(() => asked === 1);
  rename(ROOT, "lost");
  server.store("Album", () => ({ title: "after", photos: SLOT }));
  server.cut();
  const page = await connection.mountStore({ module: "Page", id: "p" });
  expect([pushed("mount"), page.state.current.status, read(album)]).toEqual([3, "live", undefined]);
  load.resolve();
  await album.ready;
  rename(ROOT, "renamed");
  await eventually(() => seen.has("renamed"));
  expect(Array.from(seen)).toEqual(["after", "renamed"]);
});

test.each([
  ["unmounted", async (album: OpenedRoot<string, AnyRegistry>) => album.release()],
  ["disconnected", () => connection.disconnect()],
])("client.md 7: %s while its code is loaded, a root settles and leaves nothing", async (code, end) => {
  const album = connection.openRoot(ALBUM);
  await eventually(() => asked === 1);
  const ended = end(album);
  clock.advance(50);
  await ended;
  await expect(album.ready).rejects.toMatchObject({ code });
  expect([clock.pending, album.state.current.status]).toEqual([0, "closed"]);
  load.resolve();
  await client.loadUploads();
  expect(read(album)).toBeUndefined();
});

const record = (title: string, savedAt: number): CacheRecord => ({
  format: 1,
  buster: "",
  savedAt,
  tree: { __musubi_store_id__: [], title, photos: SLOT },
  streams: [],
});

test("client.md 17: a cached state with uploads is shown once they can be read; the newest one, as ever", async () => {
  server.intercept("mount", () => {});
  load.resolve();
  const persister = client.createMemoryPersister();
  persister.set(client.storeCacheKey(ALBUM), record("older", clock.now() - 2));
  const initialData = record("newer", clock.now() - 1);
  const album = connection.openRoot({ ...ALBUM, cache: { persister, initialData } });
  expect(album.state.current).toEqual({ status: "loading", fromCache: false });
  await client.loadUploads();
  expect(album.state.current).toEqual({ status: "stale", fromCache: true });
  expect(read(album)).toMatchObject({ title: "newer", photos: { status: "idle" } });
});

test("client.md 17: after loadUploads it is shown at once", async () => {
  server.intercept("mount", () => {});
  load.resolve();
  await client.loadUploads();
  const album = connection.openRoot({ ...ALBUM, cache: { initialData: record("initial", clock.now()) } });
  expect(read(album)).toMatchObject({ title: "initial", photos: { status: "idle" } });
});

test("client.md 17: a cached state whose code cannot be loaded is left out", async () => {
  server.intercept("mount", () => {});
  const album = connection.openRoot({ ...ALBUM, cache: { initialData: record("initial", clock.now()) } });
  await eventually(() => asked === 1);
  fail();
  await eventually(() => logger.warn.mock.calls.length === 1);
  expect(album.state.current).toEqual({ status: "loading", fromCache: false });
});
