import { createPresence, type Presence } from "@musubi/server";
import { createValkeyPubSub, type ValkeyPubSub, type ValkeyPubSubOptions } from "@musubi/server/valkey";
import { eventually, FakeClock } from "@musubi/testing";
import { Redis } from "iovalkey";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TcpProxy } from "../e2e/support/tcp-proxy.js";
import { RedisServer } from "./support/redis-server.js";
import { compileSnippets, readSnippets } from "./support/snippets.js";

/** What the adapter promises, on a real server. */
describe("PubSub over Valkey", () => {
  let redis: RedisServer;
  let eye: Redis;
  let clock: FakeClock;
  let log: [level: string, message: string][];
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    eye = redis.client();
  });
  afterAll(async () => {
    eye?.disconnect();
    await redis?.stop();
  });
  beforeEach(() => {
    clock = new FakeClock();
    log = [];
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
    expect(clock.pending).toBe(0);
  });

  const logger = Object.fromEntries(
    ["debug", "info", "warn", "error"].map((level) => [
      level,
      (_details: object, message: string) => log.push([level, message]),
    ]),
  ) as unknown as NonNullable<ValkeyPubSubOptions["logger"]>;

  function create(server: Parameters<typeof createValkeyPubSub>[0] = redis.url, options = {}): ValkeyPubSub {
    const pubsub = createValkeyPubSub(server, { logger, clock, ...options });
    closers.push(() => pubsub.close());
    return pubsub;
  }

  /** Subscribes, and what has come since. */
  function hear(pubsub: ValkeyPubSub, topic: string): unknown[] {
    const heard: unknown[] = [];
    pubsub.subscribe(topic, (message) => heard.push(message));
    return heard;
  }

  async function subscriptions(topic: string): Promise<number> {
    return Number((await eye.pubsub("NUMSUB", topic))[1]);
  }

  const subscribed = (count: number, topic = "musubi:a") => expect.poll(() => subscriptions(topic)).toBe(count);

  test("subscribers here get the message itself, at once and once; others a copy, in which bytes are bytes", async () => {
    const [here, there] = [create(), create()];
    const [own, others] = [hear(here, "a"), hear(there, "a")];
    await subscribed(2);
    const message = {
      text: "\0b ☃",
      bytes: new Uint8Array([0, 255, 10]),
      deep: [{ buffer: Buffer.from("x") }],
      "\0key": null,
    };
    here.publish("a", message);
    expect(own).toEqual([message]);
    expect(own[0]).toBe(message);
    here.publish("a", new Uint8Array([7]));
    here.publish("a", undefined);
    here.publish("a", "last");
    await expect.poll(() => others.at(-1)).toBe("last");
    expect(others).toEqual([
      { ...message, deep: [{ buffer: new Uint8Array([120]) }] },
      new Uint8Array([7]),
      null,
      "last",
    ]);
    // What it hears of itself comes in the order of the server: with the answer of another all echoes have passed.
    there.publish("a", "answer");
    await expect.poll(() => own.at(-1)).toBe("answer");
    expect(own).toHaveLength(5);
    expect(log).toEqual([]);
  });

  test("messages of each node arrive in its order", async () => {
    const nodes = [create(), create(), create()];
    const heard = hear(nodes[0] as ValkeyPubSub, "a") as { from: number; n: number }[];
    await subscribed(1);
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    for (const n of numbers) for (const from of [1, 2]) nodes[from]?.publish("a", { from, n });
    await expect.poll(() => heard.length).toBe(2_000);
    for (const from of [1, 2]) expect(heard.filter((each) => each.from === from).map(({ n }) => n)).toEqual(numbers);
  });

  test("what a listener publishes in turn follows for others, too", async () => {
    const [here, there] = [create(), create()];
    here.subscribe("a", (message) => message === "cause" && here.publish("a", "effect"));
    const heard = hear(there, "a");
    await subscribed(2);
    here.publish("a", "cause");
    await expect.poll(() => heard).toEqual(["cause", "effect"]);
  });

  test("one subscription at the server for a topic, until the last one here leaves, and no pattern", async () => {
    const pubsub = create();
    pubsub.subscribe("first", () => {});
    await subscribed(1, "musubi:first");
    const asked = async () => Number(/cmdstat_subscribe:calls=(\d+)/.exec(await eye.info("commandstats"))?.[1]);
    const before = await asked();
    const leave = [1, 2, 3].map(() => pubsub.subscribe("a", () => {}));
    await subscribed(1);
    expect(await asked()).toBe(before + 1);
    leave[0]?.();
    leave[0]?.();
    leave[1]?.();
    // In order on one connection: what it was asked before has been done.
    const stay = pubsub.subscribe("b", () => {});
    await subscribed(1, "musubi:b");
    expect(await subscriptions("musubi:a")).toBe(1);
    leave[2]?.();
    await subscribed(0);
    pubsub.subscribe("a", () => {});
    stay();
    await subscribed(0, "musubi:b");
    expect(await subscriptions("musubi:a")).toBe(1);
    expect(await eye.call("PUBSUB", "NUMPAT")).toBe(0);
  });

  test("a URL, options and a client lead to one server; a prefix keeps apart; a codec is used by both sides", async () => {
    const client = redis.client();
    const codec = {
      encode: (message: unknown) => String(message).toUpperCase(),
      decode: (text: string) => `${text}!`,
    };
    const [first, second, third] = [
      create(redis.url, { codec }),
      create({ port: redis.port, host: "127.0.0.1" }, { codec }),
      create(client, { codec }),
    ];
    const apart = hear(create(redis.url, { prefix: "other:" }), "a");
    const heard = [second, third].map((node) => hear(node, "a"));
    await subscribed(2);
    await subscribed(1, "other:a");
    first?.publish("a", "hello");
    await expect.poll(() => heard).toEqual([["HELLO!"], ["HELLO!"]]);
    expect(apart).toEqual([]);
    // It was not touched.
    await client.set("key", "value");
    expect(await client.get("key")).toBe("value");
    client.disconnect();
  });

  test("the nodes of a presence find each other, and one that closes is gone at once", async () => {
    const [here, there] = [create(), create()];
    const at = { topic: "room:a", signal: new AbortController().signal };
    const [first, second] = [here, there].map((pubsub) => createPresence({ pubsub, clock })) as [Presence, Presence];
    first.track(at, "ada");
    second.track(at, "bob");
    const names = () => [first, second].map((presence) => Object.keys(presence.list("room:a")).sort());
    await expect
      .poll(() => {
        // What was said before the others listened is made up for with the next sign of life.
        clock.advance(5_000);
        return names();
      })
      .toEqual([
        ["ada", "bob"],
        ["ada", "bob"],
      ]);
    second.close();
    await there.close();
    await expect.poll(() => names()[0]).toEqual(["ada"]);
    first.close();
  });

  test("what is no message, and what cannot become one, is logged and dropped", async () => {
    const [here, there] = [create(), create()];
    const [own, heard] = [hear(here, "a"), hear(there, "a")];
    there.subscribe("a", () => {
      throw new Error("bad listener");
    });
    await subscribed(2);
    const node = "0123456789abcdef";
    for (const text of ["", "x", '{"a":1}', node, `${node}:`, `${node}:{"a":`]) await eye.publish("musubi:a", text);
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    here.publish("a", cycle);
    here.publish("a", 1n);
    expect(own).toEqual([cycle, 1n]);
    here.publish("a", "good");
    await expect.poll(() => heard).toEqual(["good"]);
    expect(log.filter(([, message]) => message === "a malformed message was dropped")).toHaveLength(12);
    expect(log.filter(([, message]) => message.includes("cannot be encoded"))).toHaveLength(2);
    expect(log.filter(([, message]) => message === "a PubSub listener threw")).toHaveLength(1);
  });

  test("while the server is away subscribers here are served; when it is back, the others are again", async () => {
    const [here, there] = [create(), create()];
    const [own, heard] = [hear(here, "a"), hear(there, "a")];
    const leave = there.subscribe("left", () => {});
    await subscribed(2);
    await subscribed(1, "musubi:left");
    const [fine, cut] = [
      { isConnected: true, unsentBytes: 0, lostMessages: 0 },
      { isConnected: false, unsentBytes: 0, lostMessages: 1 },
    ];
    await expect.poll(() => [here.inspect(), there.inspect()]).toEqual([fine, fine]);
    await redis.kill();
    const away = () => log.filter(([, message]) => message.startsWith("Valkey cannot be reached")).length;
    await eventually(() => away() === 4, "all connections are refused");
    here.publish("a", "lost");
    expect(own).toEqual(["lost"]);
    leave();
    const late = hear(there, "late");
    await eventually(() => log.some(([, message]) => message === "messages to other nodes are lost"));
    expect([here.inspect(), there.inspect()]).toEqual([cut, { ...cut, lostMessages: 0 }]);
    await redis.start();
    await subscribed(2);
    await subscribed(1, "musubi:late");
    expect(await subscriptions("musubi:left")).toBe(0);
    await expect
      .poll(() => {
        here.publish("late", "again");
        return late.length;
      })
      .toBeGreaterThan(0);
    here.publish("a", "found");
    await expect.poll(() => heard).toEqual(["found"]);
    expect(own).toEqual(["lost", "found"]);
    // Once per outage, not once per attempt.
    expect(away()).toBe(4);
    await expect.poll(() => there.inspect()).toEqual(fine);
    expect(log).toContainEqual(["info", "messages reach other nodes again"]);
  });

  test("a server that is stuck is sent no more than maxUnsentBytes; what is over that is dropped", async () => {
    const text = "x".repeat(1_000);
    const [here, there] = [create(redis.url, { maxUnsentBytes: 10_500 }), create()];
    const heard = hear(there, "a");
    await subscribed(1);
    here.publish("a", "up");
    await expect.poll(() => heard).toEqual(["up"]);
    redis.pause();
    closers.push(() => redis.resume());
    for (let n = 0; n < 1_000; n++) here.publish("a", text);
    expect(here.inspect()).toEqual({ isConnected: true, unsentBytes: 10 * 1_019, lostMessages: 990 });
    expect(log).toEqual([["warn", "messages to other nodes are lost"]]);
    redis.resume();
    await expect.poll(() => log.at(-1)).toEqual(["info", "messages reach other nodes again"]);
    here.publish("a", "after");
    await expect.poll(() => heard.at(-1)).toBe("after");
    expect(heard).toHaveLength(12);
  });

  test("connections that are open to each end alone are found by their silence, and opened anew", async () => {
    const network = new TcpProxy(redis.port);
    await network.listen();
    closers.push(() => network.close());
    const here = create(`redis://127.0.0.1:${network.port}`, { timeoutMs: 300 });
    const there = create();
    const [own, heard] = [hear(here, "a"), hear(there, "a")];
    await subscribed(2);
    here.publish("a", 1);
    await expect.poll(() => heard).toEqual([1]);
    network.silence();
    clock.advance(300);
    await eventually(() => log.filter(([level]) => level === "info").length >= 2, "both are back");
    await subscribed(3);
    here.publish("a", 2);
    await expect.poll(() => heard).toEqual([1, 2]);
    there.publish("a", 3);
    await expect.poll(() => own).toEqual([1, 2, 3]);
  });

  test("close ends both connections after what was published, and leaves messages in this process", async () => {
    const there = create();
    const heard = hear(there, "a");
    await subscribed(1);
    const connections = async () =>
      String(await eye.client("LIST"))
        .trim()
        .split("\n").length;
    const before = await connections();
    const here = create();
    const own = hear(here, "a");
    await subscribed(2);
    // More than a connection holds whose other end does not read.
    redis.pause();
    closers.push(() => redis.resume());
    for (let n = 0; n < 100; n++) here.publish("a", "x".repeat(100_000));
    own.length = 0;
    here.publish("a", "goodbye");
    const closing = [here.close(), here.close()];
    redis.resume();
    await Promise.all(closing);
    here.publish("a", "alone");
    here.subscribe("b", () => {})();
    expect(own).toEqual(["goodbye", "alone"]);
    await expect.poll(() => heard.at(-1)).toBe("goodbye");
    expect(heard).toHaveLength(101);
    await expect.poll(connections).toBe(before);
    // While it connects, and while nobody answers.
    await create().close();
    await redis.kill();
    await create().close();
    const refused = create();
    await eventually(() => log.some(([, message]) => message.startsWith("Valkey cannot be reached")));
    await refused.close();
    await there.close();
    await redis.start();
    expect(await subscriptions("musubi:a")).toBe(0);
  });

  test("the README's example serves, and ends with nothing left at the server", async () => {
    const connections = async () =>
      String(await eye.client("LIST"))
        .trim()
        .split("\n").length;
    const before = await connections();
    const code = readSnippets("packages/server/README.md").get("valkey.ts") as string;
    const folder = compileSnippets("valkey", new Map([["valkey.ts", code]]), (each) => each.replace("4000", "0"));
    const example = (await import(`${folder}valkey.ts`)) as { start(url: string): () => Promise<void> };
    const stop = example.start(redis.url);
    await expect.poll(connections).toBe(before + 2);
    await stop();
    await expect.poll(connections).toBe(before);
  });
});
