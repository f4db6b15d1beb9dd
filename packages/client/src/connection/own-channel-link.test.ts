import { decodeTextFrame, encodeTextFrame } from "@musubi/protocol";
import { createMemoryTransport, eventually, FakeClock, initialEnvelope, type ReceivedMessage } from "@musubi/testing";
import { Socket } from "phoenix";
import { expect, test, vi } from "vitest";
import { type AnyRegistry, connect } from "../index.js";

test("protocol.md 8: a channel that is closed before its join is answered refuses the mount", async () => {
  const transport = createMemoryTransport({
    connect: (_url, peer) => ({
      message: (text) => {
        const frame = decodeTextFrame(text);
        const { joinRef, topic } = frame;
        peer.send(encodeTextFrame({ joinRef, ref: joinRef, topic, event: "phx_close", payload: {} }));
      },
      close: () => {},
    }),
  });
  const clock = new FakeClock();
  const socket = new Socket("ws://server/socket", { transport });
  const connection = await connect<AnyRegistry>(socket, { topology: "channel-per-root", clock });
  const mounting = connection.mountStore({ module: "Board", id: "a" });
  await expect(mounting).rejects.toMatchObject({ code: "mount_refused", reason: "closed" });
  await connection.disconnect();
  socket.disconnect();
  expect(clock.pending).toBe(0);
});

test("protocol.md 8: a rejoin that is refused is tried again with back-off, with the last tree readable meanwhile", async () => {
  let joins = 0;
  let isRefusing = false;
  let send: (joinRef: string | null, ref: string | null, event: string, payload: object) => void = () => {};
  let joined: string | null = null;
  const topic = "musubi:connection:Board:a";
  const transport = createMemoryTransport({
    connect: (_url, peer) => {
      send = (joinRef, ref, event, payload) => peer.send(encodeTextFrame({ joinRef, ref, topic, event, payload }));
      return {
        message: (text) => {
          const { joinRef, ref, event } = decodeTextFrame(text) as ReceivedMessage;
          if (event !== "phx_join") return;
          joins++;
          joined = joinRef;
          const status = isRefusing ? "error" : "ok";
          send(joinRef, ref, "phx_reply", { status, response: isRefusing ? { reason: "busy" } : {} });
          if (!isRefusing) send(joinRef, null, "patch", initialEnvelope("a", { joins }, {}));
        },
        close: () => {},
      };
    },
  });
  const clock = new FakeClock();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const socket = new Socket("ws://server/socket", { transport, rejoinAfterMs: () => 1 });
  const options = { topology: "channel-per-root", clock, logger, random: () => 0.5 } as const;
  const connection = await connect<AnyRegistry>(socket, options);
  const { store, state } = await connection.mountStore({ module: "Board", id: "a" });
  isRefusing = true;
  send(joined, joined, "phx_error", {});
  await eventually(() => state.current.error !== undefined);
  expect([joins, clock.pending, state.current, store.snapshot()]).toMatchObject([
    2,
    1,
    { status: "recovering", error: { code: "mount_refused", reason: "busy" } },
    { joins: 1 },
  ]);
  clock.advance(250);
  await eventually(() => joins === 3 && clock.pending === 1);
  isRefusing = false;
  clock.advance(500);
  await eventually(() => state.current.status === "live");
  expect([joins, store.snapshot()]).toMatchObject([4, { joins: 4 }]);
  await connection.disconnect();
  socket.disconnect();
  expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
});
