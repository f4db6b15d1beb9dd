import { expect, test } from "vitest";
import { replyMessage } from "./outgoing.js";
import { refusalName, TrafficMeter } from "./traffic.js";

test("refusals are counted by codes of ours and Phoenix's words; a reason of anybody else's is `app`", () => {
  const responses = [
    { reason: "unmatched topic" },
    { reason: "overloaded" },
    { reason: "x", code: "timeout" },
    { reason: "made up by a client" },
    { reason: "__proto__" },
    { code: "constructor" },
    { reason: 7 },
    {},
    null,
    "internal",
    new Uint8Array(1),
  ];
  expect(responses.map(refusalName)).toEqual(["unmatched_topic", "overloaded", "timeout", ...Array(8).fill("app")]);
});

test("counts messages, their framed bytes where there is a frame, and error replies alone as refusals", () => {
  const meter = new TrafficMeter();
  meter.sent({ data: "é" });
  meter.sent({ data: "é", wire: new Uint8Array(10) });
  meter.sent(replyMessage("1", "1", "t", "ok", { reason: "timeout" }));
  const before = meter.bytes;
  meter.sent(replyMessage("1", "1", "t", "error", { reason: "timeout" }));
  meter.sent(replyMessage("1", "1", "t", "error", new Uint8Array(1)));
  expect(meter).toMatchObject({ messages: 5, refusals: { timeout: 1, app: 1 } });
  expect(before).toBeGreaterThan(12);
});
