import { eventually, FakeClock } from "@musubi/testing";
import { expect, test, vi } from "vitest";
import { type AnyRegistry, connect, type UploadHandle } from "../index.js";
import { CHUNK_TIMEOUT_MS } from "./channel-transfer.js";
import { UploadServer } from "./upload-server.test.util.js";

test("protocol.md 6: phoenix.js may join again as often as it likes while the answer to a join is awaited", async () => {
  const uploads = new UploadServer();
  const socket = uploads.createSocket();
  const clock = new FakeClock();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const connection = await connect<AnyRegistry>(socket, { clock, logger });
  const { store } = await connection.mountStore({ module: "Album", id: "a" });
  const slot = (store as { photos?: UploadHandle }).photos as UploadHandle;
  // The time after which phoenix.js gives up a join, in milliseconds of its own.
  Object.assign(socket, { timeout: 3 });
  uploads.take = (event) => event === "phx_join";
  await slot.select(new File(["abc"], "abc.txt"));
  const started = slot.start();
  await eventually(() => uploads.topics("phx_join").length === 1);
  clock.advance(CHUNK_TIMEOUT_MS - 1);
  await eventually(() => uploads.topics("phx_join").length > 6);
  expect(slot.entries).toMatchObject([{ status: "uploading", errors: [] }]);
  clock.advance(1);
  await started;
  expect(slot.entries).toMatchObject([{ status: "error", errors: [{ code: "chunk_timeout" }] }]);
  await connection.disconnect();
  expect(clock.pending).toBe(0);
  socket.disconnect();
});
