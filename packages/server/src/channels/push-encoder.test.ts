import { encodeTextFrame, type JsonValue } from "@musubi/protocol";
import { describe, expect, it } from "vitest";
import { pushMessage } from "./outgoing.js";
import { PushEncoder } from "./push-encoder.js";

describe("the pushes of a channel", () => {
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
    "are the frames of protocol.md section 1, whatever came before, for join ref %j",
    (joinRef) => {
      const topic = 'room:"a"';
      const encoder = new PushEncoder(joinRef, topic);
      for (const payload of payloads) {
        for (const event of ["some\nevent", "some\nevent", "other", ""]) {
          const made = encoder.encode(event, payload);
          expect(made.data).toBe(pushMessage(joinRef, topic, event, payload).data);
          expect(`${made.head}${made.body}]`).toBe(made.data);
          expect(made.data).toBe(encodeTextFrame({ joinRef, ref: null, topic, event, payload }));
        }
      }
    },
  );

  it("are binary for bytes", () => {
    const bytes = Uint8Array.of(1, 2);
    expect(new PushEncoder("1", "room:a").encode("event", bytes)).toEqual(pushMessage("1", "room:a", "event", bytes));
  });

  it("throw for what JSON cannot write, and then go on", () => {
    const encoder = new PushEncoder("1", "room:a");
    expect(() => encoder.encode("event", 1n)).toThrow(TypeError);
    expect(encoder.encode("event", 1).data).toBe('["1",null,"room:a","event",1]');
  });
});
