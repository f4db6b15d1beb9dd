import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CompatibilityRecord } from "./support/compatibility-page.js";
import { type EchoServer, startEchoServer } from "./support/echo-server.js";
import { recording, recordingNames } from "./support/fixtures.js";
import { RawClient } from "./support/raw-client.js";

const RUNS = 40;

const races = recordingNames().filter((name) => name.startsWith("race_"));

const record = new CompatibilityRecord("races.test.ts");

// Handlers that answer at once and handlers that take a turn first race in different ways; both must stay within
// what was seen of Phoenix.
describe.each([
  ["at once", false],
  ["later", true],
])("handlers that answer %s", (_when, isAsync) => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer({ isAsync });
  });
  afterAll(() => server.close());

  it.each(races)("%s: only orders that Phoenix was seen to send", async (name) => {
    const { frames, orders = [] } = recording(name);
    const allowed = orders.map((order) => order.in.map((text) => JSON.parse(text) as unknown));
    expect(allowed.length).toBeGreaterThan(0);
    for (let run = 0; run < RUNS; run++) {
      const client = new RawClient(`ws://127.0.0.1:${server.port}/socket/websocket?vsn=2.0.0`);
      expect(await client.next()).toMatchObject({ type: "upgrade" });
      client.sendText('["1","1","echo:a","phx_join",{}]');
      expect(await client.next()).toMatchObject({ type: "text" });
      for (const frame of frames) if (frame.dir === "out") client.sendText(frame.data ?? "");
      const seen = (await client.settled()).map((frame) => (frame.type === "text" ? JSON.parse(frame.text) : frame));
      expect(allowed, `run ${run}`).toContainEqual(seen);
      client.webSocket.terminate();
    }
    record.saw(name, "equal: no order but those that Phoenix was seen to send");
  });
});

it("docs/phoenix-compatibility.md says so", () => record.checkPage());
