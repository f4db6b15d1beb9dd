import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { channel, joined, ok } from "../channels/channel.js";
import { createPubSub, type PubSub } from "../channels/pubsub.js";
import type { EndpointOptions } from "./endpoint.js";
import { ask, PollClient, pollWithoutReading, restOf } from "./poll-client.test.util.js";
import { listeningLogger, manualClock, type Running, room, start } from "./raw-client.test.util.js";

/** A PubSub that carries JSON alone, as one between processes does. */
function jsonPubSub(): PubSub & { mute: boolean; lost: number; answered: number } {
  const inner = createPubSub(listeningLogger());
  const outer = {
    /** Loses what endpoints say to each other of their sessions. */
    mute: false,
    lost: 0,
    answered: 0,
    publish: (topic: string, message: unknown) => {
      if (typeof message === "object" && message !== null && "answer" in message) outer.answered += 1;
      if (outer.mute && topic.startsWith("musubi:longpoll:")) outer.lost += 1;
      else inner.publish(topic, JSON.parse(JSON.stringify(message)));
    },
    subscribe: (topic: string, listener: (message: unknown) => void) => inner.subscribe(topic, listener),
  };
  return outer;
}

const bytes = channel("bytes", {
  join: () => joined(null),
  handlers: { size: (_ctx, payload) => ok({ size: (payload as Uint8Array).length }) },
});

async function after50Ms(): Promise<false> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return false;
}

let pubsub: ReturnType<typeof jsonPubSub>;
let clock: ReturnType<typeof manualClock>;
let home: Running;
let away: Running;
let client: PollClient;
/** The same client, whose requests come out elsewhere. */
let roaming: PollClient;

const options = (): Partial<EndpointOptions> => ({
  pubsub,
  clock,
  channels: [room, bytes],
  longPoll: { secret: "which all of these processes share", pubsubTimeoutMs: 500 },
  maxUnsentBytes: 50_000,
});

beforeEach(async () => {
  pubsub = jsonPubSub();
  clock = manualClock();
  home = await start(options());
  away = await start(options());
  client = await PollClient.open(home.port);
  roaming = new PollClient(away.port, client.token);
});
afterEach(async () => {
  pubsub.mute = false;
  await Promise.all([home.stop(), away.stop()]);
  expect(clock.pending()).toBe(0);
});

describe("a session that lives at another endpoint", () => {
  it("is polled and posted to through the PubSub, in turns with its own", async () => {
    await roaming.join("room:a");
    await client.say(["1", "2", "room:a", "ping", { at: "home" }]);
    expect(await roaming.messages()).toEqual([
      ["1", "2", "room:a", "phx_reply", { status: "ok", response: { at: "home" } }],
    ]);
    await roaming.say(["1", "3", "room:a", "ping", { at: "away" }]);
    expect(await client.messages()).toHaveLength(1);
    expect(home.endpoint.inspect()).toEqual({ sockets: 1, channels: 1 });
    expect(away.endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
  });

  it("holds a poll for the window, and answers it when something comes", async () => {
    await client.join("room:a");
    const timers = clock.pending();
    const poll = roaming.poll();
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    home.endpoint.broadcast("room:a", "tick", {});
    expect((await poll.reply).messages).toEqual([[null, null, "room:a", "tick", {}]]);
    const empty = roaming.poll();
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    clock.advance(10_000);
    expect(await empty.reply).toMatchObject({ status: 204, token: client.token });
  });

  it("keeps what comes when the client of a poll has gone", async () => {
    await client.join("room:a");
    const timers = clock.pending();
    const poll = roaming.poll();
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    poll.request.destroy();
    await expect.poll(() => clock.pending()).toBe(timers);
    home.endpoint.broadcast("room:a", "tick", {});
    expect(await roaming.messages()).toEqual([[null, null, "room:a", "tick", {}]]);
  });

  it("ends when nobody shows to have taken what a poll was answered: whoever held that may have died", async () => {
    await client.join("room:a");
    const timers = clock.pending();
    const poll = roaming.poll();
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    pubsub.mute = true;
    home.endpoint.broadcast("room:a", "tick", {});
    await expect.poll(() => pubsub.lost).toBe(1);
    pubsub.mute = false;
    // A proxy may send the same poll on to another: it gets nothing that would come without what was lost.
    const again = client.poll();
    home.endpoint.broadcast("room:a", "tock", {});
    clock.advance(499);
    await client.say([null, "beat", "phoenix", "heartbeat", {}]);
    expect(home.endpoint.inspect().sockets).toBe(1);
    clock.advance(1);
    expect(home.endpoint.inspect().sockets).toBe(0);
    expect(await again.reply).toMatchObject({ status: 410, messages: [] });
    poll.request.destroy();
  });

  it("is as fast a reader as its polls are: what was fetched from elsewhere does not count as unsent", async () => {
    await roaming.join("room:a");
    for (let n = 0; n < 10; n++) {
      home.endpoint.broadcast("room:a", "big", "x".repeat(20_000));
      expect(await roaming.messages()).toHaveLength(1);
    }
    expect(home.endpoint.inspect().sockets).toBe(1);
  });

  it("takes binary messages, and is ended by what is no message", async () => {
    await roaming.join("bytes");
    const push = Buffer.concat([Buffer.of(0, 1, 1, 5, 4), Buffer.from("12bytessize"), Buffer.of(0xff, 0, 1)]);
    expect(await roaming.post(push.toString("base64")).reply).toMatchObject({ status: 200 });
    const [reply] = await roaming.messages();
    expect(reply).toEqual(["1", "2", "bytes", "phx_reply", { status: "ok", response: { size: 3 } }]);
    expect(await roaming.post("[not json").reply).toMatchObject({ status: 408 });
    expect(await roaming.post("[null,1,1,1,1]").reply).toMatchObject({ status: 410 });
    expect(home.endpoint.inspect().sockets).toBe(0);
  });

  it("gets 410 when it is gone, and the client a session at the endpoint it asked", async () => {
    await client.post("[not json").reply;
    const { status, token } = await roaming.poll().reply;
    expect(status).toBe(410);
    expect(token).not.toBe(client.token);
    expect(away.endpoint.inspect().sockets).toBe(1);
  });

  it("gets 410 after pubsubTimeoutMs when its endpoint does not answer", async () => {
    pubsub.mute = true;
    const timers = clock.pending();
    const asked = [roaming.post("[null,1,1,1,1]"), roaming.poll()];
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    clock.advance(499);
    expect(clock.pending()).toBe(timers + 2);
    clock.advance(1);
    for (const { reply } of asked) expect(await reply).toMatchObject({ http: 200, status: 410 });
    expect(away.endpoint.inspect().sockets).toBe(1);
  });

  it("is asked for no more than if each of maxSessions had a poll and a POST under way: then it is 503", async () => {
    await away.stop();
    away = await start({ ...options(), longPoll: { ...options().longPoll, maxSessions: 2 } });
    roaming = new PollClient(away.port, client.token);
    const beat = "[null,1,1,1,1]";
    // Whatever is asked is not answered.
    pubsub.mute = true;
    const asked = [roaming.poll(), roaming.post(beat), roaming.poll(), roaming.post(beat)];
    await expect.poll(() => pubsub.lost).toBe(4);
    for (const { reply } of [roaming.poll(), roaming.post(beat)]) expect(await reply).toMatchObject({ http: 503 });
    expect(pubsub.lost).toBe(4);
    clock.advance(500);
    for (const { reply } of asked) expect(await reply).toMatchObject({ status: 410 });
    const slow = Array.from({ length: 4 }, () =>
      ask(away.port, { method: "POST", query: roaming.query, headers: { "content-length": "20" }, body: "[" }),
    );
    await expect
      .poll(async () => {
        const sent = roaming.post(beat);
        // One that is asked is not answered: there was room for it yet.
        const isRefused = await Promise.race([sent.reply.then(({ http }) => http === 503), after50Ms()]);
        sent.request.destroy();
        return isRefused;
      })
      .toBe(true);
    expect(await roaming.poll().reply).toMatchObject({ http: 503 });
    for (const { request } of slow) request.destroy();
  });

  it("ends, and what was answered elsewhere goes, when nobody takes it within pubsubTimeoutMs", async () => {
    await client.join("room:a");
    const timers = clock.pending();
    const socket = pollWithoutReading(away.port, client.token);
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    const length = 50_000_000;
    home.endpoint.broadcast("room:a", "big", "x".repeat(length));
    await expect.poll(() => pubsub.answered).toBe(2);
    clock.advance(500);
    expect(home.endpoint.inspect().sockets).toBe(0);
    expect(await restOf(socket)).toBeLessThan(length);
  });

  it("is told to come back when the endpoint that it asks closes meanwhile, and lives on", async () => {
    const timers = clock.pending();
    const poll = roaming.poll();
    await expect.poll(() => clock.pending()).toBe(timers + 2);
    await away.endpoint.close();
    expect(await poll.reply).toMatchObject({ status: 410, headers: { connection: "close" } });
    await client.beat();
  });
});

it("what is no request of an endpoint is ignored", async () => {
  const [inbox] = JSON.parse(Buffer.from(client.token.split(".")[0] ?? "", "base64url").toString()) as [string];
  for (const message of [null, 5, {}, { ref: 1 }, { ref: "x", answer: { status: 200 } }, { ref: "x", ask: "forget" }]) {
    pubsub.publish(`musubi:longpoll:${inbox}`, message);
  }
  await client.beat();
});

it("needs a secret that all share: the first session without one is warned of, unless there are no others", async () => {
  const warned = async (shared: Partial<EndpointOptions>): Promise<number> => {
    const logger = listeningLogger();
    const running = await start({ logger, ...shared });
    for (let n = 0; n < 2; n++) await PollClient.open(running.port);
    await running.stop();
    return logger.lines.filter(({ message }) => message.includes("longPoll.secret")).length;
  };
  expect(await warned({ pubsub })).toBe(1);
  expect(await warned({ pubsub, longPoll: { secret: "which all of these processes share" } })).toBe(0);
  expect(await warned({})).toBe(0);
});
