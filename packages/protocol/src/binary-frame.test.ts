import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBinaryFrame,
  decodeBinaryServerFrame,
  encodeBinaryBroadcast,
  encodeBinaryPush,
  encodeBinaryReply,
  encodeBinaryServerPush,
  toBinaryRef,
} from "./binary-frame.js";

const bytes = fc.uint8Array({ maxLength: 600 });
// 63 characters of up to four bytes each stay within the 255 that a length can say.
const field = fc.string({ unit: "binary", maxLength: 63 });
const malformed = expect.objectContaining({ code: "malformed_frame" }) as Error;

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function toHex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("binary frames (FRAMES.md, Binary messages)", () => {
  it("are laid out as recorded", () => {
    const data = (hex: string): Uint8Array => fromHex(hex);
    expect(toHex(encodeBinaryPush("1", "2", "echo:a", "bin", data("010203ff")))).toBe(
      "000101060331326563686f3a6162696e010203ff",
    );
    expect(toHex(encodeBinaryReply("1", "2", "echo:a", "ok", data("ff030201")))).toBe(
      "010101060231326563686f3a616f6bff030201",
    );
    expect(toHex(encodeBinaryServerPush("1", "echo:a", "pushed_bin", data("00ff10")))).toBe(
      "0001060a316563686f3a617075736865645f62696e00ff10",
    );
    expect(toHex(encodeBinaryBroadcast("echo:a", "shout_bin", data("deadbeef")))).toBe(
      "0206096563686f3a6173686f75745f62696edeadbeef",
    );
  });

  it("survive a round trip in each layout", () => {
    fc.assert(
      fc.property(field, field, field, field, bytes, (joinRef, ref, topic, event, payload) => {
        expect(decodeBinaryFrame(encodeBinaryPush(joinRef, ref, topic, event, payload))).toEqual({
          joinRef,
          ref,
          topic,
          event,
          payload,
        });
        expect(decodeBinaryServerFrame(encodeBinaryServerPush(joinRef, topic, event, payload))).toEqual({
          joinRef,
          ref: null,
          topic,
          event,
          payload,
        });
        expect(decodeBinaryServerFrame(encodeBinaryReply(joinRef, ref, topic, event, payload))).toEqual({
          joinRef,
          ref,
          topic,
          event: "phx_reply",
          payload: { status: event, response: payload },
        });
        expect(decodeBinaryServerFrame(encodeBinaryBroadcast(topic, event, payload))).toEqual({
          joinRef: null,
          ref: null,
          topic,
          event,
          payload,
        });
      }),
    );
  });

  it("hold a field of 255 bytes and refuse one of 256", () => {
    const none = new Uint8Array();
    expect(decodeBinaryFrame(encodeBinaryPush("1", "2", "t".repeat(255), "e", none)).topic).toHaveLength(255);
    expect(() => encodeBinaryPush("1", "2", "t".repeat(256), "e", none)).toThrow(malformed);
    // 128 characters, but 256 bytes.
    expect(() => encodeBinaryBroadcast("ü".repeat(128), "e", none)).toThrow(malformed);
  });

  it("carry a null ref as an empty one, which is read back as text", () => {
    const frame = decodeBinaryFrame(encodeBinaryPush(null, 7, "t", "e", new Uint8Array()));
    expect(frame).toMatchObject({ joinRef: "", ref: "7" });
  });

  it.each(["", "01", "ff", "5b2231225d", "00", "0001", "000101060431", "0000000001"])(
    "%j is malformed_frame",
    (hex) => {
      expect(() => decodeBinaryFrame(fromHex(hex))).toThrow(malformed);
    },
  );

  it("with a field that is no UTF-8 is malformed_frame", () => {
    expect(() => decodeBinaryFrame(fromHex("0000000100ff"))).toThrow(malformed);
  });

  it("keep a byte order mark: it is text like any other", () => {
    expect(decodeBinaryFrame(encodeBinaryPush("", "", "\uFEFFt", "e", new Uint8Array())).topic).toBe("\uFEFFt");
  });

  it("of any bytes decode or are malformed_frame, and nothing else", () => {
    const heads = fc.constantFrom([0], [1], [2], []);
    fc.assert(
      fc.property(heads, fc.uint8Array({ maxLength: 40, max: 12 }), (head, rest) => {
        for (const decode of [decodeBinaryFrame, decodeBinaryServerFrame]) {
          try {
            expect(Object.keys(decode(Uint8Array.of(...head, ...rest)))).toHaveLength(5);
          } catch (cause) {
            expect(cause).toMatchObject({ code: "malformed_frame" });
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("have no place for a ref that is an object", () => {
    expect(() => toBinaryRef({ a: 1 })).toThrow(malformed);
    expect(toBinaryRef(7)).toBe(7);
  });
});
