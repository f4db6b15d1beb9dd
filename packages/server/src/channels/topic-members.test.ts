import { describe, expect, it, vi } from "vitest";
import type { Broadcast } from "./broadcast.js";
import { createPubSub, type PubSub } from "./pubsub.js";
import { joinTopic, type TopicMember } from "./topic-members.js";

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

const say = (pubsub: PubSub, event: string): void => pubsub.publish("phx:a", { event, payload: {}, except: null });

describe("the members of a topic", () => {
  it("share one subscription, which goes with the last of them and comes again", () => {
    const pubsub = counting();
    const [first, second, third] = [member(), member(), member()];
    const members = joinTopic(pubsub, "a", first);
    expect(joinTopic(pubsub, "a", second)).toBe(members);
    joinTopic(pubsub, "b", member());
    expect(pubsub.open).toBe(2);
    say(pubsub, "one");
    members.delete(first);
    members.delete(first);
    say(pubsub, "two");
    members.delete(second);
    expect(pubsub.open).toBe(1);
    say(pubsub, "three");
    joinTopic(pubsub, "a", third);
    say(pubsub, "four");
    expect([first.heard, second.heard, third.heard]).toEqual([["one"], ["one", "two"], ["four"]]);
  });

  it("are told apart by PubSub", () => {
    const [one, other] = [counting(), counting()];
    const here = member();
    const there = member();
    joinTopic(one, "a", here);
    joinTopic(other, "a", there);
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
    );
    joinTopic(pubsub, "a", last);
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
      member(() => joinTopic(pubsub, "a", late)),
    );
    say(pubsub, "one");
    expect(late.heard).toEqual([]);
    say(pubsub, "two");
    expect(late.heard).toEqual(["two"]);
  });

  it("get broadcasts alone", () => {
    const pubsub = counting();
    const one = member();
    joinTopic(pubsub, "a", one);
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
    expect(() => joinTopic(pubsub, "a", first)).toThrow("down");
    joinTopic(pubsub, "a", second);
    expect(subscribe).toHaveBeenCalledTimes(2);
    say(pubsub, "one");
    expect([first.heard, second.heard]).toEqual([[], ["one"]]);
  });
});
