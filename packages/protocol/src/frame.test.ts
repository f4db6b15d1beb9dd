import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTextFrame, encodeTextFrame } from "./frame.js";

const anyJson = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as never);

describe("text frames (protocol.md 1)", () => {
  it("survive a round trip, whatever stands in their five places", () => {
    fc.assert(
      fc.property(anyJson, anyJson, anyJson, anyJson, anyJson, (joinRef, ref, topic, event, payload) => {
        const frame = { joinRef, ref, topic, event, payload };
        expect(decodeTextFrame(encodeTextFrame(frame))).toEqual(frame);
      }),
    );
  });

  it("are arrays of join_ref, ref, topic, event and payload", () => {
    const frame = { joinRef: "1", ref: "2", topic: "room:a", event: "ping", payload: { n: 1 } };
    expect(encodeTextFrame(frame)).toBe('["1","2","room:a","ping",{"n":1}]');
  });

  it("carry a payload of undefined as an empty object, and null as null", () => {
    const frame = { joinRef: null, ref: null, topic: "t", event: "e" };
    expect(encodeTextFrame({ ...frame, payload: undefined })).toBe('[null,null,"t","e",{}]');
    expect(encodeTextFrame({ ...frame, payload: null })).toBe('[null,null,"t","e",null]');
  });

  it("may have more elements than five, which are ignored (FRAMES.md, v2_malformed_long_array)", () => {
    expect(decodeTextFrame('["1","2","t","e",{},"more"]').payload).toEqual({});
  });

  it.each(["", "hello", "{}", "null", "5", '"text"', "[]", '["1","2","t","e"]', "[1,2,3,4,5"])(
    "%j is malformed_frame",
    (text) => {
      expect(() => decodeTextFrame(text)).toThrow(expect.objectContaining({ code: "malformed_frame" }));
    },
  );

  it("of any text decode or are malformed_frame, and nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          expect(Object.keys(decodeTextFrame(text))).toHaveLength(5);
        } catch (cause) {
          expect(cause).toMatchObject({ code: "malformed_frame" });
        }
      }),
    );
  });
});
