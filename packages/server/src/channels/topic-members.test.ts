import { describe, expect, it, vi } from "vitest";
import type { Broadcast } from "./broadcast.js";
import { createPubSub, type PubSub } from "./pubsub.js";
import type { Outgoing } from "./outgoing.js";
import { joinTopic, type Lane, type TopicMember } from "./topic-members.js";

const errors: unknown[] = [];
const logger = { debug() {}, info() {}, warn() {}, error: (details: unknown) => void errors.push(details) };

/** A PubSub that counts its subscriptions. */
function counting(): PubSub & { open: number } {
  const inner = createPubSub(logger);
  const counted = {
    open: 0,
    publish: (topic: string, message: unknown) => inner.publish(topic, message),
    subscribe(topic: string, listener: (message: unknown) => void) {
      const undo = inner.subscribe(topic, listener);
      counted.open += 1;
      return () => {
        counted.open -= 1;
        undo();
      };
    },
  };
  return counted;
}

function member(hear: (broadcast: Broadcast) => void = () => {}): TopicMember & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    logger,
    heard,
    hear(broadcast) {
      heard.push(broadcast.event);
      hear(broadcast);
    },
  };
}

function lane(): Lane & { readonly sent: Outgoing[] } {
  const sent: Outgoing[] = [];
  return { sent, relay: (message) => void sent.push(message) };
}

const say = (pubsub: PubSub, event: string): void => pubsub.publish("phx:a", { event, payload: {}, except: null });

describe("the members of a topic", () => {
  it("share one subscription, which goes with the last of them and comes again", () => {
    const pubsub = counting();
    const [first, second, third] = [member(), member(), member()];
    const members = joinTopic(pubsub, "a", first, null);
    expect(joinTopic(pubsub, "a", second, null)).toBe(members);
    joinTopic(pubsub, "b", member(), null);
    expect(pubsub.open).toBe(2);
    say(pubsub, "one");
    members.delete(first);
    members.delete(first);
    say(pubsub, "two");
    members.delete(second);
    expect(pubsub.open).toBe(1);
    say(pubsub, "three");
    // Nothing is kept of a topic that nobody has joined.
    expect(joinTopic(pubsub, "a", third, null)).not.toBe(members);
    say(pubsub, "four");
    expect([first.heard, second.heard, third.heard]).toEqual([["one"], ["one", "two"], ["four"]]);
  });

  it("are told apart by PubSub", () => {
    const [one, other] = [counting(), counting()];
    const here = member();
    const there = member();
    joinTopic(one, "a", here, null);
    joinTopic(other, "a", there, null);
    say(one, "here");
    expect([here.heard, there.heard]).toEqual([["here"], []]);
  });

  it("hear all the same when one of them throws, which is logged", () => {
    const pubsub = counting();
    const last = member();
    joinTopic(
      pubsub,
      "a",
      member(() => {
        throw new Error("no");
      }),
      null,
    );
    joinTopic(pubsub, "a", last, null);
    errors.length = 0;
    say(pubsub, "one");
    expect(last.heard).toEqual(["one"]);
    expect(errors).toEqual([{ err: new Error("no"), topic: "a" }]);
  });

  it("that come while a broadcast is told hear only what comes later", () => {
    const pubsub = counting();
    const late = member();
    joinTopic(
      pubsub,
      "a",
      member(() => joinTopic(pubsub, "a", late, null)),
      null,
    );
    say(pubsub, "one");
    expect(late.heard).toEqual([]);
    say(pubsub, "two");
    expect(late.heard).toEqual(["two"]);
  });

  it("get broadcasts alone", () => {
    const pubsub = counting();
    const one = member();
    joinTopic(pubsub, "a", one, null);
    for (const message of [null, "text", { event: 1, payload: {} }, { event: "no payload" }])
      pubsub.publish("phx:a", message);
    expect(one.heard).toEqual([]);
  });

  it("are not there when the PubSub refuses to subscribe, and the next one is heard", () => {
    const pubsub = counting();
    const subscribe = vi.spyOn(pubsub, "subscribe").mockImplementationOnce(() => {
      throw new Error("down");
    });
    const [first, second] = [member(), member()];
    expect(() => joinTopic(pubsub, "a", first, null)).toThrow("down");
    joinTopic(pubsub, "a", second, null);
    expect(subscribe).toHaveBeenCalledTimes(2);
    say(pubsub, "one");
    expect([first.heard, second.heard]).toEqual([[], ["one"]]);
  });

  describe("with lanes", () => {
    it("hear nothing of what is for all: one encoding of it goes down the lanes", () => {
      const pubsub = counting();
      const [one, other] = [member(), member()];
      const [first, second] = [lane(), lane()];
      const members = joinTopic(pubsub, "a", one, first);
      joinTopic(pubsub, "a", other, second);
      say(pubsub, "one");
      expect(first.sent.map(({ data }) => data)).toEqual(['[null,null,"a","one",{}]']);
      expect(second.sent[0]).toBe(first.sent[0]);
      members.delete(one);
      say(pubsub, "two");
      expect([first.sent.length, second.sent.length]).toEqual([1, 2]);
      expect([one.heard, other.heard]).toEqual([[], []]);
    });

    it("hear what is not for all, what cannot be encoded, and everything beside a member without a lane", () => {
      const pubsub = counting();
      const [one, watching] = [member(), member()];
      const way = lane();
      const members = joinTopic(pubsub, "a", one, way);
      pubsub.publish("phx:a", { event: "except", payload: {}, except: "somebody" });
      pubsub.publish("phx:a", { event: "from elsewhere", payload: {} });
      pubsub.publish("phx:a", { event: "unencodable", payload: 1n, except: null });
      joinTopic(pubsub, "a", watching, null);
      say(pubsub, "both");
      members.delete(watching);
      say(pubsub, "lane");
      expect(one.heard).toEqual(["except", "from elsewhere", "unencodable", "both"]);
      expect(watching.heard).toEqual(["both"]);
      expect(way.sent).toHaveLength(1);
    });

    it("get it all the same when one of them fails, which is logged", () => {
      const pubsub = counting();
      const last = lane();
      const broken: Lane = {
        relay() {
          throw new Error("no");
        },
      };
      joinTopic(pubsub, "a", member(), broken);
      joinTopic(pubsub, "a", member(), last);
      errors.length = 0;
      say(pubsub, "one");
      expect(last.sent).toHaveLength(1);
      expect(errors).toEqual([{ err: new Error("no"), topic: "a" }]);
    });
  });
});
