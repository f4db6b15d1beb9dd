import { describe, expect, it } from "vitest";
import { RawClient, start } from "./raw-client.test.util.js";
import { messageFrame, serverFrame } from "./server-frame.js";

describe("a frame of the server (RFC 6455 section 5.2)", () => {
  it("is the one of section 5.7's example", () => {
    expect(serverFrame("Hello")).toEqual(Buffer.from("810548656c6c6f", "hex"));
  });

  it.each([
    [0, "8200"],
    [125, "827d"],
    [126, "827e007e"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
  ])("of %i bytes begins with %s", (size, head) => {
    const frame = Buffer.from(serverFrame(new Uint8Array(size).fill(7)));
    expect(frame.subarray(0, head.length / 2).toString("hex")).toBe(head);
    expect(frame.subarray(head.length / 2)).toEqual(Buffer.alloc(size, 7));
  });

  it("counts bytes, not characters", () => {
    expect(serverFrame("ü\u{1F600}")).toEqual(Buffer.concat([Buffer.of(0x81, 6), Buffer.from("ü\u{1F600}")]));
  });

  it("stands apart from those before and after it", () => {
    const texts = Array.from({ length: 500 }, (_, at) => `${at}${["a", "ü", "\u{1F600}"][at % 3]}`.repeat(at % 90));
    const frames = texts.map((text) => serverFrame(text));
    const bodies = frames.map((frame) => Buffer.from(frame.subarray((frame[1] ?? 0) < 126 ? 2 : 4)).toString());
    expect(bodies).toEqual(texts);
    expect(frames.map(([first]) => first)).toEqual(texts.map(() => 0x81));
  });

  it.each([0, 1, 100, 123, 124, 125, 126, 127, 990, 991, 992, 5_000])("is the same of pieces, %i of them", (size) => {
    const pieces = ["a", "ü", "\u{1F600}"];
    for (const head of ["[", '["ü",']) {
      const body = Array.from({ length: size }, (_, at) => pieces[at % 3]).join("");
      const data = `${head}${body}]`;
      expect(Buffer.from(messageFrame({ data, head, body }))).toEqual(Buffer.from(serverFrame(data)));
      expect(Buffer.from(messageFrame({ data }))).toEqual(Buffer.from(serverFrame(data)));
    }
  });

  it("is read by a client whatever its size", async () => {
    const { port, stop } = await start();
    const client = await RawClient.open(port);
    await client.join("room:a");
    for (const size of [0, 1, 60, 124, 125, 126, 127, 65_400, 65_535, 65_536, 300_000]) {
      const payload = "ü".repeat(size);
      client.say("1", "2", "room:a", "ping", payload);
      expect(await client.next()).toEqual(["1", "2", "room:a", "phx_reply", { status: "ok", response: payload }]);
    }
    await stop();
  });
});
