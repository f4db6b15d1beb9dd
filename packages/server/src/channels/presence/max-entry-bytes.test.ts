import { FakeClock } from "@musubi/testing";
import { expect, test } from "vitest";
import { consoleLogger } from "../../logger.js";
import { createPubSub } from "../pubsub.js";
import { createPresence } from "./create-presence.js";

test("rule 12: a key and its meta are no larger than maxEntryBytes together, whatever is in them", () => {
  const [pubsub, clock] = [createPubSub(consoleLogger), new FakeClock()];
  const presence = createPresence({ pubsub, clock });
  const small = createPresence({ pubsub, clock, name: "small", maxEntryBytes: 100 });
  const at = { topic: "jobs", signal: new AbortController().signal };
  const tooLarge = expect.objectContaining({ code: "too_large" });
  expect(() => small.track(at, "x".repeat(99))).toThrow(tooLarge);
  expect(() => small.track(at, "one", { text: "\u{1f600}".repeat(25) })).toThrow(tooLarge);
  expect(Object.keys(small.list("jobs"))).toEqual([]);
  small.track(at, "one", { text: "x".repeat(80) });
  expect(() => small.update(at, "one", { text: "x".repeat(100) })).toThrow(tooLarge);
  expect(small.list("jobs")).toMatchObject({ one: { metas: [{ text: "x".repeat(80) }] } });
  small.close();
  presence.track(at, "two", { text: "x".repeat(16_000) });
  expect(() => presence.track(at, "three", { text: "x".repeat(16_384) })).toThrow(tooLarge);
  presence.close();
});
