import { SeededRandom } from "@musubi/testing";
import { describe, expect, test } from "vitest";
import { ValkeySubscriptions } from "./valkey-subscriptions.js";

/** A server that answers when it is told to, in the order of what it was asked. */
class Server {
  readonly asked: [command: string, topics: readonly string[]][] = [];
  readonly #answers: ((isDone: boolean) => void)[] = [];
  readonly subscriptions: ValkeySubscriptions = new ValkeySubscriptions((command, topics) => {
    this.asked.push([command, topics]);
    return new Promise((resolve, reject) => {
      this.#answers.push((isDone) => (isDone ? resolve(undefined) : reject(new Error("gone"))));
    });
  });

  /** Topics that the connection is subscribed to, once all that was asked of it is done. */
  get topics(): string[] {
    const topics = new Set<string>();
    for (const [command, changed] of this.asked) {
      for (const topic of changed) topics[command === "subscribe" ? "add" : "delete"](topic);
    }
    return [...topics].sort();
  }

  async answer(count = Number.POSITIVE_INFINITY, isDone = true): Promise<void> {
    for (const answer of this.#answers.splice(0, count)) answer(isDone);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("subscriptions at a server", () => {
  test("are asked for at once, one by one, as long as it answers", async () => {
    const server = new Server();
    const { subscriptions } = server;
    subscriptions.add("early");
    expect(server.asked).toEqual([]);
    subscriptions.opened();
    subscriptions.add("a");
    subscriptions.add("a");
    subscriptions.remove("a");
    subscriptions.add("b");
    subscriptions.remove("a");
    expect(server.asked).toEqual([
      ["subscribe", ["early"]],
      ["subscribe", ["a"]],
      ["subscribe", ["b"]],
      ["unsubscribe", ["a"]],
    ]);
    await server.answer();
    expect(subscriptions.inspect()).toEqual({ unanswered: 0, changed: 0 });
  });

  test("of a server that does not answer: a hundred commands wait, and topics that come and go leave nothing", async () => {
    const server = new Server();
    const { subscriptions } = server;
    subscriptions.opened();
    for (let n = 0; n < 20_000; n++) {
      subscriptions.add(`topic ${n}`);
      subscriptions.remove(`topic ${n}`);
    }
    expect(server.asked).toHaveLength(100);
    expect(subscriptions.inspect()).toEqual({ unanswered: 100, changed: 0 });
    for (let n = 0; n < 1_500; n++) subscriptions.add(`stays ${n}`);
    expect(subscriptions.inspect()).toEqual({ unanswered: 100, changed: 1_500 });
    await server.answer(1);
    // What has gathered is asked for together, a thousand at a time.
    expect(server.asked.at(-1)?.[1]).toHaveLength(1_000);
    expect(subscriptions.inspect()).toEqual({ unanswered: 100, changed: 500 });
    await server.answer();
    await server.answer();
    expect(server.asked).toHaveLength(102);
    expect(server.topics).toHaveLength(1_500);
    expect(subscriptions.inspect()).toEqual({ unanswered: 0, changed: 0 });
  });

  test("of a new connection are all there are; what the old one still says counts for nothing", async () => {
    const server = new Server();
    const { subscriptions } = server;
    subscriptions.opened();
    for (let n = 0; n < 120; n++) subscriptions.add(`topic ${n}`);
    subscriptions.closed();
    for (let n = 0; n < 10_000; n++) {
      subscriptions.add(`gone ${n}`);
      subscriptions.remove(`gone ${n}`);
    }
    subscriptions.remove("topic 0");
    expect(server.asked).toHaveLength(100);
    server.asked.length = 0;
    subscriptions.opened();
    expect(server.asked.map(([command, topics]) => [command, topics.length])).toEqual([["subscribe", 119]]);
    await server.answer(100, false);
    expect(subscriptions.inspect()).toEqual({ unanswered: 1, changed: 0 });
    await server.answer();
    expect(subscriptions.inspect()).toEqual({ unanswered: 0, changed: 0 });
  });

  test("random comings and goings, answers and outages come to what is wanted", async () => {
    const seed = Number(process.env["MUSUBI_SEED"] ?? Date.now() % 1_000_000);
    const random = new SeededRandom(seed);
    for (let run = 0; run < 50; run++) {
      const server = new Server();
      const { subscriptions } = server;
      const wanted = new Map<string, number>();
      for (let step = 0; step < 1_000; step++) {
        const topic = `t${random.integer(0, 300)}`;
        const count = wanted.get(topic) ?? 0;
        const kind = random.next();
        if (kind < 0.5) {
          subscriptions.add(topic);
          wanted.set(topic, count + 1);
        } else if (kind < 0.97 && count > 0) {
          subscriptions.remove(topic);
          if (count === 1) wanted.delete(topic);
          else wanted.set(topic, count - 1);
        } else if (kind > 0.995) {
          subscriptions.closed();
        } else if (kind > 0.99) {
          subscriptions.closed();
          await server.answer(Number.POSITIVE_INFINITY, false);
          server.asked.length = 0;
          subscriptions.opened();
        } else if (kind > 0.97) {
          await server.answer(random.integer(0, 5));
        }
        const { unanswered, changed } = subscriptions.inspect();
        expect(unanswered, `seed ${seed}`).toBeLessThanOrEqual(100);
        expect(changed, `seed ${seed}`).toBeLessThanOrEqual(301);
      }
      subscriptions.closed();
      server.asked.length = 0;
      subscriptions.opened();
      for (const topic of [...wanted.keys()].slice(0, 50)) {
        for (let left = wanted.get(topic) ?? 0; left > 0; left--) subscriptions.remove(topic);
        wanted.delete(topic);
      }
      while (subscriptions.inspect().unanswered > 0) await server.answer();
      expect(server.topics, `seed ${seed}`).toEqual([...wanted.keys()].sort());
    }
  });
});
