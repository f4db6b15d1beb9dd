import type { Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { channel, joined, ok } from "../channels/channel.js";
import { listeningLogger, RawClient, type Running, start } from "./raw-client.test.util.js";

let running: Running | undefined;
async function run(options: Parameters<typeof start>[0]): Promise<Running> {
  running = await start(options);
  return running;
}
afterEach(() => running?.stop());

const sized = channel("room:*", {
  join: () => joined(null),
  handlers: {
    get: (_ctx, payload) => ok("x".repeat((payload as { bytes: number }).bytes)),
    bytes: (_ctx, payload) => ok(new Uint8Array((payload as { bytes: number }).bytes)),
  },
});

/** What has come over the wire, in bytes. */
function bytesRead({ webSocket }: RawClient): number {
  return (webSocket as unknown as { _socket: Socket })._socket.bytesRead;
}

it("nothing is compressed unless it is asked for", async () => {
  const { port } = await run({ channels: [sized] });
  const client = await RawClient.open(port);
  expect(client.webSocket.extensions).toBe("");
});

it("what is large goes compressed, what is small does not, and all of it in order", async () => {
  const { port, endpoint } = await run({ channels: [sized], compress: true });
  const client = await RawClient.open(port);
  expect(client.webSocket.extensions).toBe("permessage-deflate");
  await client.join("room:a");
  const sizes = [200_000, 1, 100_000, 2, 50_000, 3];
  for (const bytes of sizes) client.say("1", "2", "room:a", "get", { bytes });
  client.say("1", "2", "room:a", "bytes", { bytes: 30_000 });
  for (const bytes of sizes) {
    const response = "x".repeat(bytes);
    expect(await client.next()).toEqual(["1", "2", "room:a", "phx_reply", { status: "ok", response }]);
  }
  expect(await client.next()).toHaveLength(30_000 + 15);
  expect(bytesRead(client)).toBeLessThan(20_000);

  // One that goes uncompressed to some goes compressed to others.
  const plain = await RawClient.open(port, "", [], { perMessageDeflate: false });
  expect(plain.webSocket.extensions).toBe("");
  await plain.join("room:a");
  endpoint.broadcast("room:a", "news", "y".repeat(5_000));
  for (const one of [client, plain]) {
    expect(await one.next()).toEqual([null, null, "room:a", "news", "y".repeat(5_000)]);
  }
});

it("maxFrameBytes counts what was compressed at its full size", async () => {
  const { port } = await run({ channels: [sized], compress: true, maxFrameBytes: 10_000 });
  const client = await RawClient.open(port);
  await client.join("room:a");
  client.say("1", "2", "room:a", "nothing", "x".repeat(1_000_000));
  expect(await client.closed).toBe(1009);
});

it("maxUnsentBytes counts what waits to be compressed", async () => {
  const logger = listeningLogger();
  const { port, endpoint } = await run({ channels: [sized], compress: true, maxUnsentBytes: 500_000, logger });
  const client = await RawClient.open(port);
  await client.join("room:a");
  for (let n = 0; n < 20; n++) endpoint.broadcast("room:a", "big", "x".repeat(100_000));
  await expect.poll(() => endpoint.inspect().sockets).toBe(0);
  expect(logger.lines).toMatchObject([{ level: "warn", message: "a client that reads too slowly is cut off" }]);
});

it("what was sent comes before the goodbye", async () => {
  const { port, endpoint } = await run({ channels: [sized], compress: true });
  const client = await RawClient.open(port);
  await client.join("room:a");
  endpoint.broadcast("room:a", "last", "x".repeat(300_000));
  const closing = endpoint.close();
  expect(JSON.stringify(await client.next()).length).toBeGreaterThan(300_000);
  expect(await client.closed).toBe(1012);
  await closing;
});
