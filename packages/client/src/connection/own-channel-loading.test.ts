import { eventually, FakeClock, ScriptedServer } from "@musubi/testing";
import { afterEach, expect, test, vi } from "vitest";
import { mountConnectionRoot, openConnectionState } from "../runtime.js";

const server = new ScriptedServer();
const options = { topology: "channel-per-root", random: () => 0.5 } as const;

afterEach(() => {
  vi.doUnmock("./own-channel-topology.js");
  vi.resetModules();
});

test("client.md (runtime): a connection with a channel per root, and its roots, are there before that code is loaded", async () => {
  const clock = new FakeClock();
  const socket = server.createSocket();
  const { connection } = openConnectionState(socket, { ...options, clock });
  // The scripted server knows no topics of roots, and says so.
  const mounting = mountConnectionRoot(connection, { module: "Board", id: "a" });
  expect([connection.status.current, mounting.connection.state.current.status]).toEqual(["connecting", "loading"]);
  await expect(mounting.ready).rejects.toMatchObject({ code: "mount_refused", reason: "unmatched topic" });
  expect(connection.status.current).toBe("ready");
  connection.release();
  socket.disconnect();
  expect(clock.pending).toBe(0);
});

test("client.md 7: released before that code is loaded, it settles its roots, and opens nothing afterwards", async () => {
  const clock = new FakeClock();
  const socket = server.createSocket();
  const { connection, ready } = openConnectionState(socket, { ...options, clock });
  const mounting = mountConnectionRoot(connection, { module: "Board", id: "a" });
  connection.release();
  await expect(ready).rejects.toMatchObject({ code: "disconnected" });
  await expect(mounting.ready).rejects.toMatchObject({ code: "disconnected" });
  await import("./own-channel-topology.js");
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect([socket.isConnected(), clock.pending, connection.status.current]).toEqual([false, 0, "closed"]);
});

test("protocol.md 8: code that cannot be loaded is reported and tried again with back-off", async () => {
  vi.resetModules();
  let isOffline = true;
  vi.doMock("./own-channel-topology.js", async (load) => {
    if (isOffline) throw new Error("offline");
    return load();
  });
  const { openConnectionState: open } = await import("../runtime.js");
  const clock = new FakeClock();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const socket = server.createSocket();
  const { connection, ready } = open(socket, { ...options, clock, logger });
  await eventually(() => connection.statusDetail.current.reason?.kind === "not_loaded");
  expect([connection.status.current, logger.error.mock.calls.length]).toEqual(["connecting", 1]);
  isOffline = false;
  clock.advance(500);
  await ready;
  expect(connection.statusDetail.current).toMatchObject({ status: "ready", reason: null });
  connection.release();
  socket.disconnect();
  expect(clock.pending).toBe(0);
});
