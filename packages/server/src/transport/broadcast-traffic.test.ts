import { expect, test } from "vitest";
import { type ChannelContext, channel, joined } from "../channels/channel.js";
import { RawClient, room, start } from "./raw-client.test.util.js";

const watched = channel("watched:*", {
  join: (ctx: ChannelContext) => joined(ctx),
  intercept: { news: (ctx, payload) => ctx.push("news", payload) },
});

// Compressed messages are framed by ws: what is counted of them is their text.
test.each([
  [{}, "room:a", 2 + '[null,null,"room:a","news",{}]'.length],
  [{}, "watched:a", 2 + '["1",null,"watched:a","news",{}]'.length],
  [{ compress: true }, "room:a", '[null,null,"room:a","news",{}]'.length],
])("with %j each client that a broadcast of %s goes to counts once", async (options, topic, bytes) => {
  const { endpoint, port, stop } = await start({ channels: [room, watched], ...options });
  const clients = [await RawClient.open(port), await RawClient.open(port)];
  for (const client of clients) await client.join(topic);
  await (await RawClient.open(port)).join("room:other");
  const before = { ...endpoint.traffic };
  endpoint.broadcast(topic, "news", {});
  for (const client of clients) expect(await client.next()).toEqual([expect.toSatisfy(isRef), null, topic, "news", {}]);
  expect(endpoint.traffic.messages - before.messages).toBe(2);
  expect(endpoint.traffic.bytes - before.bytes).toBe(2 * bytes);
  await stop();
});

test("a client that has left, or gone, gets no broadcast of its topic and counts for none", async () => {
  const { endpoint, port, stop } = await start();
  const [stays, leaves, goes] = [await RawClient.open(port), await RawClient.open(port), await RawClient.open(port)];
  for (const client of [stays, leaves, goes]) await client.join("room:a");
  leaves.say("1", "2", "room:a", "phx_leave", {});
  expect(await leaves.next()).toEqual(["1", "2", "room:a", "phx_reply", { status: "ok", response: {} }]);
  expect(await leaves.next()).toEqual(["1", "1", "room:a", "phx_close", {}]);
  goes.webSocket.close();
  await goes.closed;
  await expect.poll(() => endpoint.inspect()).toEqual({ sockets: 2, channels: 1 });
  const before = endpoint.traffic.messages;
  endpoint.broadcast("room:a", "news", {});
  expect(await stays.next()).toEqual([null, null, "room:a", "news", {}]);
  expect(endpoint.traffic.messages).toBe(before + 1);
  await leaves.beat();
  await stop();
});

function isRef(ref: unknown): boolean {
  return ref === null || ref === "1";
}
