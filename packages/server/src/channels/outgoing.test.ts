import { encodeTextFrame, type JsonValue } from "@musubi/protocol";
import { describe, expect, it } from "vitest";
import { pushHead, pushMessage, pushWithHead } from "./outgoing.js";

describe("a push made upon its channel's head", () => {
  const payloads: readonly unknown[] = [
    undefined,
    null,
    {},
    { text: 'a "quoted" \u2028 text' },
    [1, [2]],
    "",
    () => 1,
    new Date(0),
    Number.NaN,
  ];

  it.each([null, "1", 7, ["a"]] as readonly JsonValue[])(
    "is the frame of protocol.md section 1, join ref %j",
    (joinRef) => {
      const topic = 'room:"a"';
      for (const payload of payloads) {
        const made = pushWithHead(pushHead(joinRef, topic), "some\nevent", payload);
        expect(made.data).toBe(encodeTextFrame({ joinRef, ref: null, topic, event: "some\nevent", payload }));
        expect(made).toEqual(pushMessage(joinRef, topic, "some\nevent", payload));
      }
    },
  );

  it("throws for what JSON cannot write", () => {
    expect(() => pushWithHead(pushHead("1", "room:a"), "event", 1n)).toThrow(TypeError);
  });
});
