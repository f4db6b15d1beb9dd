import { describe, expect, it } from "vitest";
import { createRandom } from "../random.js";
import { FrameReader, masked, maskless } from "./frames.js";

const texts = ["", "a", "b".repeat(125), "c".repeat(126), "d".repeat(65_535), "e".repeat(65_536), "f"];
const ping = Buffer.from([0x89, 1, 0x61]);

describe("a reader of frames", () => {
  it("finds each message wherever the stream is cut, and passes over pings", () => {
    const stream = Buffer.concat(texts.flatMap((text) => [maskless(text), ping]));
    const seed = Math.trunc(Math.random() * 2 ** 31);
    const below = createRandom(seed);
    for (let run = 0; run < 50; run++) {
      const reader = new FrameReader();
      const read: string[] = [];
      for (let at = 0; at < stream.length; ) {
        // Now a header byte by byte, now all that is left.
        const size = Math.min(stream.length - at, 1 + below(below(3) === 0 ? stream.length : 4));
        // A buffer that is reused, as a socket's is.
        const chunk = Buffer.from(stream.subarray(at, at + size));
        reader.read(chunk, size, (bytes, from, to) => {
          const header = to - from < 128 ? 2 : to - from < 65_540 ? 4 : 10;
          read.push(Buffer.from(bytes.subarray(from + header, to)).toString());
        });
        chunk.fill(0);
        at += size;
      }
      expect(
        read.map((text) => text.length),
        `seed ${seed}`,
      ).toEqual(texts.map((text) => text.length));
      expect(read, `seed ${seed}`).toEqual(texts);
    }
  });

  it("reads what a client sends, the four bytes of its mask aside", () => {
    const frame = masked("hello");
    expect([...frame.subarray(0, 6)]).toEqual([0x81, 0x85, 0, 0, 0, 0]);
    expect(frame.subarray(6).toString()).toBe("hello");
    expect(masked(Uint8Array.of(10))[0]).toBe(0x82);
  });
});
