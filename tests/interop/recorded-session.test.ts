import { type AnyRegistry, connect, type MusubiConnection } from "@musubi/client";
import { eventually } from "@musubi/testing";
import { Socket } from "phoenix";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CompatibilityRecord } from "./support/compatibility-page.js";
import { type ReplayServer, startReplayServer } from "./support/replay-server.js";

const SESSION = new URL("./fixtures/phoenix/client_musubi_session.json", import.meta.url);
const FRESH = {
  __musubi_store_id__: [],
  count: 0,
  id: "c1",
  module: "App.CounterStore",
  params: { start: 0 },
};

interface Counter {
  readonly count: number;
  readonly items: readonly unknown[];
  dispatchCommand(name: string, payload?: object): Promise<unknown>;
  snapshot(): unknown;
}

let server: ReplayServer;
let socket: Socket;
let connection: MusubiConnection<AnyRegistry>;

beforeEach(async () => {
  server = await startReplayServer(SESSION);
  socket = new Socket(server.url, {
    transport: WebSocket,
    rejoinAfterMs: () => 10,
    reconnectAfterMs: () => 10,
  });
  connection = await connect<AnyRegistry>(socket, { logger: { warn() {}, error: console.error } });
});

afterEach(async () => {
  await connection.disconnect();
  socket.disconnect();
  await server.close();
});

describe("our client against the recorded session of a real Phoenix server", () => {
  test("protocol.md 2 to 5: mounts, replies before and after patches, streams, a gap, a crash", async () => {
    const mounted = await connection.mountStore({
      module: "App.CounterStore",
      id: "c1",
      params: { start: 0 },
    });
    const counter = mounted.store as unknown as Counter;
    expect(counter.snapshot()).toEqual({ ...FRESH, items: [] });

    await expect(counter.dispatchCommand("increment")).resolves.toEqual({ count: 1 });
    await expect(counter.dispatchCommand("increment", { by: 5 })).resolves.toEqual({ count: 6 });
    await eventually(() => counter.count === 6);

    await Promise.all([
      counter.dispatchCommand("stream"),
      counter.dispatchCommand("stream", { at: 0, limit: 10 }),
      counter.dispatchCommand("stream_delete", { item_key: "item-1" }),
    ]);
    await eventually(() => counter.items.length === 1);
    expect(counter.items).toEqual([{ id: "2", title: "Item 2" }]);

    await expect(counter.dispatchCommand("patch_first")).resolves.toEqual({ count: 7 });
    expect(counter.count).toBe(7);
    await expect(counter.dispatchCommand("nonsense")).rejects.toMatchObject({
      code: "unknown command",
      fate: "rejected",
    });

    const before = counter.snapshot();
    await counter.dispatchCommand("gap");
    // The recording answers the second mount with already_mounted: a phantom, which is unmounted and mounted once more.
    await eventually(() => server.received.filter((message) => message.startsWith("mount")).length === 3);
    expect(counter.snapshot() === before || counter.count === 0).toBe(true);
    await eventually(() => counter.count === 0 && mounted.state.current.status === "live");
    expect(counter.snapshot()).toEqual({ ...FRESH, items: [] });

    const crash = counter.dispatchCommand("crash");
    await expect(crash).rejects.toMatchObject({ kind: "interrupted", fate: "unknown" });
    expect(counter.snapshot()).toEqual({ ...FRESH, items: [] });
    await eventually(() => mounted.state.current.status === "live" && connection.status.current === "ready");
    expect(counter.snapshot()).toEqual({ ...FRESH, items: [] });
    expect(server.unknown).toEqual([]);
    expect(server.received.filter((message) => message.startsWith("phx_join"))).toHaveLength(2);

    const record = new CompatibilityRecord("recorded-session.test.ts");
    record.saw(
      "client_musubi_session",
      "other: @musubi/client is served what was recorded, and ends where the server is",
    );
    record.checkPage();
  });
});
