import { decodeTextFrame, encodeTextFrame } from "@musubi/protocol";
import { createMemoryTransport, FakeClock } from "@musubi/testing";
import { Socket } from "phoenix";
import { expect, test } from "vitest";
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
