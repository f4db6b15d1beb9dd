import { eventually, FakeClock, ScriptedServer, type TestSocket } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AnyStore } from "./any-store.js";
import { type ConnectionHandle, handleOfSocket } from "./connection-handle.js";
import { LOADING } from "./root-result.js";
import type { RootWish } from "./root-wish.js";

const GRACE_MS = 50;
const logger = { warn: vi.fn(), error: vi.fn() };

let clock: FakeClock;
let server: ScriptedServer;
let socket: TestSocket;
let handle: ConnectionHandle;

beforeEach(() => {
  vi.clearAllMocks();
  clock = new FakeClock();
  server = new ScriptedServer().store("Room", (id, params) => ({ title: `${id} ${JSON.stringify(params)}` }));
  socket = server.createSocket();
  handle = handleOfSocket(socket, { clock, logger, unmountGraceMs: GRACE_MS });
});

afterEach(async () => {
  await settled();
  clock.advance(20_000);
  await settled();
  socket.disconnect();
  await eventually(() => server.connections === 0);
  expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
});

const wish = (id: string, more: Partial<RootWish> & { readonly params?: object } = {}): RootWish => ({
  module: "Room",
  id,
  paramsKey: JSON.stringify(more.params ?? {}),
  dehydrated: undefined,
  cache: undefined,
  isKept: false,
  ...more,
});
const nothing = (): void => {};
const count = (event: string): number => server.messages(event).length;
const statusOf = (of: RootWish): string => handle.mounts.read(of).status;
const titleOf = (of: RootWish): unknown =>
  (handle.mounts.read(of).store as { readonly title?: string } | undefined)?.title;
const isReady = (of: RootWish): Promise<void> => eventually(() => statusOf(of) === "ready", "the root");
/** All that was under way has come. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

describe("holders", () => {
  test("rule 2: a root is read without being held: that mounts nothing, and opens no connection", async () => {
    expect(handle.mounts.read(wish("a"))).toBe(LOADING);
    await settled();
    expect([count("phx_join"), count("mount")]).toEqual([0, 0]);
  });

  test("rule 2: holders of one root share its mount and what they read, which is the same object until it changes", async () => {
    const told = [0, 0];
    const releases = [0, 1].map((at) =>
      handle.mounts.retain({ ...wish("a") }, () => {
        told[at] = (told[at] ?? 0) + 1;
      }),
    );
    await isReady(wish("a"));
    const result = handle.mounts.read(wish("a"));
    expect(result).toMatchObject({ status: "ready", isFetching: false, isStale: false });
    const before = told.slice();
    server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }]);
    await eventually(() => titleOf(wish("a")) === "new");
    expect(handle.mounts.read(wish("a"))).toBe(result);
    expect([told, count("mount")]).toEqual([before, 1]);
    expect(told[0]).toBe(told[1]);
    for (const release of releases) release();
  });

  test("rule 2: roots with ids that look alike when put together are apart", async () => {
    const releases = [wish('a","b'), wish("a"), wish("b")].map((each) => handle.mounts.retain(each, nothing));
    await isReady(wish("a"));
    await isReady(wish('a","b'));
    expect([titleOf(wish('a","b')), titleOf(wish("a")), count("mount")]).toEqual(['a","b {}', "a {}", 3]);
    for (const release of releases) release();
  });

  test("rule 1: the last holder's release unmounts after the grace, that of another nothing", async () => {
    const [one, two] = [handle.mounts.retain(wish("a"), nothing), handle.mounts.retain(wish("a"), nothing)];
    await isReady(wish("a"));
    one();
    clock.advance(GRACE_MS);
    await settled();
    expect([statusOf(wish("a")), count("unmount")]).toEqual(["ready", 0]);
    two();
    clock.advance(GRACE_MS - 1);
    await settled();
    expect([statusOf(wish("a")), count("unmount")]).toEqual(["ready", 0]);
    clock.advance(1);
    await settled();
    expect([handle.mounts.read(wish("a")), count("unmount")]).toEqual([LOADING, 1]);
  });

  test("rule 1: the unmount is on its way before the channel is left", async () => {
    const release = handle.mounts.retain(wish("a"), nothing);
    await isReady(wish("a"));
    release();
    clock.advance(GRACE_MS);
    await eventually(() => count("phx_leave") === 1);
    const events = server.received.map(({ event }) => event);
    expect(events.indexOf("unmount")).toBeGreaterThan(-1);
    expect(events.indexOf("unmount")).toBeLessThan(events.indexOf("phx_leave"));
  });

  test("rule 1: who holds it within the grace finds it as it was", async () => {
    const first = handle.mounts.retain(wish("a"), nothing);
    await isReady(wish("a"));
    const { store } = handle.mounts.read(wish("a"));
    first();
    clock.advance(GRACE_MS - 1);
    const second = handle.mounts.retain(wish("a"), nothing);
    clock.advance(10 * GRACE_MS);
    await settled();
    expect([handle.mounts.read(wish("a")).store === store, count("mount"), count("unmount")]).toEqual([true, 1, 0]);
    second();
  });
});

describe("params", () => {
  const [one, two] = [wish("a", { params: { page: 1 } }), wish("a", { params: { page: 2 } })];

  test("rule 8: while somebody wants the first they are shared with those who want others, who are warned", async () => {
    const releases = [handle.mounts.retain(one, nothing), handle.mounts.retain(two, nothing)];
    await isReady(two);
    expect([titleOf(two), count("mount"), logger.warn.mock.calls.length]).toEqual(['a {"page":1}', 1, 1]);
    for (const release of releases) release();
  });

  test("rule 8: once nobody wants them it is mounted with the others, which read as loading until then", async () => {
    const first = handle.mounts.retain(one, nothing);
    await isReady(one);
    first();
    const second = handle.mounts.retain(two, nothing);
    expect(statusOf(two)).toBe("loading");
    await isReady(two);
    expect([titleOf(two), statusOf(one), count("mount"), logger.warn.mock.calls]).toEqual([
      'a {"page":2}',
      "loading",
      2,
      [],
    ]);
    second();
  });
});

test("rule 8: params that shared others are not shared any more once those are gone", async () => {
  const [one, two, three] = [1, 2, 3].map((page) => wish("a", { params: { page } })) as [RootWish, RootWish, RootWish];
  const releases = [handle.mounts.retain(one, nothing), handle.mounts.retain(two, nothing)];
  await isReady(two);
  for (const release of releases) release();
  const last = handle.mounts.retain(three, nothing);
  await isReady(three);
  expect([titleOf(three), statusOf(two), statusOf(one)]).toEqual(['a {"page":3}', "loading", "loading"]);
  last();
});

describe("failures", () => {
  test("react.md: a refused mount is an error, the same for all, until a retry that mounts once", async () => {
    server.store("Room", () => {
      throw new Error("no");
    });
    const releases = [handle.mounts.retain(wish("a"), nothing), handle.mounts.retain(wish("a"), nothing)];
    await eventually(() => statusOf(wish("a")) === "error");
    const failed = handle.mounts.read(wish("a"));
    server.store("Room", () => ({ title: "yes" }));
    if (failed.status !== "error") throw new Error("It did not fail.");
    expect(failed.error.code).toBe("mount_refused");
    failed.retry();
    expect(statusOf(wish("a"))).toBe("loading");
    await isReady(wish("a"));
    failed.retry();
    await settled();
    expect([titleOf(wish("a")), count("mount")]).toEqual(["yes", 2]);
    for (const release of releases) release();
  });
});

describe("renders that wait", () => {
  const suspend = (of: RootWish): AnyStore | Promise<void> => handle.mounts.suspend(of);

  test("rule 3: they get one promise until there is news, then the store, with one mount", async () => {
    const wait = suspend(wish("a"));
    expect(wait).toBeInstanceOf(Promise);
    expect(suspend(wish("a"))).toBe(wait);
    await wait;
    const store = suspend(wish("a"));
    expect(store).toBe(handle.mounts.read(wish("a")).store);
    expect(count("mount")).toBe(1);
  });

  test("rule 3: what no commit claims is given back 5 s after the news, and the connection with it", async () => {
    await suspend(wish("a"));
    clock.advance(4_999);
    await settled();
    expect(count("unmount")).toBe(0);
    clock.advance(1 + GRACE_MS);
    await eventually(() => count("phx_leave") === 1);
    expect(count("unmount")).toBe(1);
  });

  test("rule 3: a commit that holds it takes over: it stays for as long as that, and a grace", async () => {
    await suspend(wish("a"));
    const release = handle.mounts.retain(wish("a"), nothing);
    clock.advance(20_000);
    await settled();
    expect([statusOf(wish("a")), count("unmount")]).toEqual(["ready", 0]);
    await suspend(wish("a"));
    handle.mounts.retain(wish("a"), nothing)();
    release();
    clock.advance(GRACE_MS);
    await settled();
    expect(count("unmount")).toBe(1);
  });

  test("rule 3: a failure is thrown with a retry, stays for 5 s, and is forgotten then", async () => {
    server.store("Room", () => {
      throw new Error("no");
    });
    await suspend(wish("a"));
    for (let time = 0; time < 2; time++) {
      expect(() => suspend(wish("a"))).toThrow(
        expect.objectContaining({ code: "mount_refused", retry: expect.any(Function) }),
      );
    }
    expect(count("mount")).toBe(1);
    clock.advance(5_000);
    server.store("Room", () => ({ title: "yes" }));
    await suspend(wish("a"));
    expect([titleOf(wish("a")), count("mount")]).toEqual(["yes", 2]);
  });

  test("rule 3: a failure with other params is not that of these", async () => {
    server.store("Room", (_id, params) => {
      if ("page" in (params as object)) throw new Error("no such page");
      return { title: "all" };
    });
    await suspend(wish("a", { params: { page: 1 } }));
    const wait = suspend(wish("a"));
    expect(wait).toBeInstanceOf(Promise);
    await wait;
    expect(titleOf(wish("a"))).toBe("all");
  });
});

test("rule 1: a root that is to be kept stays after its last holder, until the connection goes", async () => {
  const connection = handle.retain();
  const kept = wish("a", { isKept: true });
  handle.mounts.retain(kept, nothing)();
  await isReady(kept);
  clock.advance(20_000);
  await settled();
  expect([statusOf(kept), count("unmount")]).toEqual(["ready", 0]);
  connection();
  clock.advance(GRACE_MS);
  await eventually(() => count("phx_leave") === 1);
  expect(handle.mounts.read(kept)).toBe(LOADING);
});
