import { eventually, FakeClock, ScriptedServer } from "@musubi/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ConnectionHandle, handleOfSocket } from "./connection-handle.js";
import type { DehydratedRoot } from "./dehydrate.js";
import { DehydratedRoots } from "./dehydrate.js";
import type { RootWish } from "./root-wish.js";
import { suspendRoot } from "./suspend-root.js";

const record = { format: 1, buster: "", savedAt: 0, tree: { __musubi_store_id__: [], title: "rendered" }, streams: [] };
const dehydrated = (): DehydratedRoot | undefined =>
  new DehydratedRoots({ roots: [{ module: "Room", id: "a", params: {}, record }] }).find("Room", "a", "{}");
const wish = (more: Partial<RootWish> = {}): RootWish => ({
  module: "Room",
  id: "a",
  paramsKey: "{}",
  dehydrated: undefined,
  cache: undefined,
  isKept: false,
  ...more,
});
const absent: ConnectionHandle = handleOfSocket(null, {});

beforeEach(() => {
  vi.stubGlobal("window", globalThis);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("rule 7: on a server it throws, whatever there is to be shown: nothing can be waited for", () => {
  vi.unstubAllGlobals();
  for (const each of [wish(), wish({ dehydrated: dehydrated() })]) {
    expect(() => suspendRoot(absent, each)).toThrow(expect.objectContaining({ code: "server_render" }));
  }
});

test("rule 7: without a socket it is what the server rendered", () => {
  const store = suspendRoot(absent, wish({ dehydrated: dehydrated() }));
  expect(store).toMatchObject({ title: "rendered" });
});

test("rule 3: without a socket and state it waits for a socket to be given, with one promise for all", async () => {
  const clock = new FakeClock();
  const server = new ScriptedServer().store("Room", () => ({ title: "live" }));
  const socket = server.createSocket();
  let isNews = false;
  const wait = suspendRoot(absent, wish()) as Promise<void>;
  expect(suspendRoot(absent, wish({ id: "b" }))).toBe(wait);
  const told = wait.then(() => {
    isNews = true;
  });
  const handle = handleOfSocket(socket, { clock, unmountGraceMs: 50 });
  await Promise.resolve();
  expect(isNews).toBe(false);
  const release = handle.retain();
  await told;
  expect(suspendRoot(absent, wish())).not.toBe(wait);
  await suspendRoot(handle, wish());
  expect(suspendRoot(handle, wish())).toMatchObject({ title: "live" });
  release();
  clock.advance(5_000);
  clock.advance(50);
  await eventually(() => server.messages("phx_leave").length === 1);
  clock.advance(20_000);
  socket.disconnect();
  expect(clock.pending).toBe(0);
});
