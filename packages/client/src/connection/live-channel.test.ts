import { FakeClock } from "@musubi/testing";
import { Socket } from "phoenix";
import { expect, test, vi } from "vitest";
import { mountConnectionRoot, openConnectionState } from "../runtime.js";
import { LineServer } from "../socket/line-server.test.util.js";

test("protocol.md 2 (joins): a channel closed before its join was answered is joined anew by us alone", async () => {
  // phoenix.js's timers are the platform's.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const clock = new FakeClock();
    const server = new LineServer();
    server.answer = ({ joinRef, topic, event }) => {
      if (event === "phx_join") server.send(JSON.stringify([joinRef, joinRef, topic, "phx_close", {}]));
      return event === "heartbeat" ? "ok" : null;
    };
    const socket = new Socket("ws://line/socket", { transport: server.transport });
    const logger = { warn: vi.fn(), error: vi.fn() };
    const { connection } = openConnectionState(socket, { clock, logger, random: () => 0.5 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([server.count("phx_join"), connection.statusDetail.current.reason]).toEqual([1, { kind: "channel_closed" }]);
    server.answer = () => "ok";
    clock.advance(500);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([server.count("phx_join"), connection.status.current]).toEqual([2, "ready"]);
    connection.release();
    socket.disconnect();
    expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
  } finally {
    vi.useRealTimers();
  }
});

test("client.md 7: phoenix.js keeps no push, nor its timer, that nobody waits for", async () => {
  // phoenix.js's timers are the platform's.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const clock = new FakeClock();
    const server = new LineServer();
    server.answer = ({ event }) => (event === "mount" ? null : "ok");
    const socket = new Socket("ws://line/socket", { transport: server.transport });
    const { connection } = openConnectionState(socket, { clock, random: () => 0.5 });
    await vi.advanceTimersByTimeAsync(0);
    const before = vi.getTimerCount();
    mountConnectionRoot(connection, { module: "Counter", id: "1" });
    await vi.advanceTimersByTimeAsync(0);
    expect([server.count("mount"), vi.getTimerCount()]).toEqual([1, before + 1]);
    connection.release();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(before);
    socket.disconnect();
  } finally {
    vi.useRealTimers();
  }
});
