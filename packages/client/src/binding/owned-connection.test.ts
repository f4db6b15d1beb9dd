import { createSocket, type PhoenixSocket, type PhoenixSocketClass } from "../socket.js";
import { eventually, FakeClock, ScriptedServer, type TestSocket, type TransportConstructor } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OwnedConnection } from "./owned-connection.js";

test("a socket that the server closes for good closes the provider's connection, which says why; a new use opens it anew", async () => {
  const clock = new FakeClock();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const server = new ScriptedServer().store("Counter", () => ({ count: 1 }));
  const { transport, constructor: Socket } = server.createSocket() as unknown as {
    transport: TransportConstructor;
    constructor: PhoenixSocketClass<PhoenixSocket>;
  };
  const socket = createSocket(Socket, "ws://scripted/socket", { transport, clock, logger });
  const connection = new OwnedConnection(socket, { clock, logger });
  expect(connection.statusDetail.current).toMatchObject({ status: "connecting", transport: "idle" });
  const release = connection.retain();
  await eventually(() => connection.status.current === "ready");
  const heard: unknown[] = [];
  connection.status.subscribe(() => heard.push(connection.status.current));
  server.cut(4403);
  await eventually(() => connection.status.current === "closed");
  expect(connection.statusDetail.current).toMatchObject({ transport: "stopped", reason: { closeCode: 4403 } });
  expect([heard, connection.refusal]).toEqual([["closed"], undefined]);
  const { store } = await connection.mountStore({ module: "Counter", id: "a" });
  expect([store.snapshot(), connection.status.current]).toMatchObject([{ count: 1 }, "ready"]);
  release();
  clock.advance(50);
  socket.disconnect();
  await eventually(() => server.connections === 0);
  expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
});

describe("holding", () => {
  const clock = new FakeClock();
  const logger = { warn: vi.fn(), error: vi.fn() };
  let server: ScriptedServer;
  let socket: TestSocket;
  let connection: OwnedConnection;

  beforeEach(() => {
    server = new ScriptedServer().store("Counter", () => ({ count: 1 }));
    socket = server.createSocket();
    connection = new OwnedConnection(socket, { clock, logger, unmountGraceMs: 50 });
  });

  afterEach(async () => {
    await connection.disconnect();
    clock.advance(20_000);
    socket.disconnect();
    await eventually(() => server.connections === 0);
    expect([clock.pending, logger.error.mock.calls]).toEqual([0, []]);
  });

  const isReady = (): Promise<void> => eventually(() => connection.status.current === "ready");
  const joins = (): number[] => [server.messages("phx_join").length, server.messages("phx_leave").length];

  test("rule 2: nothing is opened before the first holder; it is closed a grace after the last, and opened anew", async () => {
    expect([connection.status.current, connection.statusDetail.current.transport, joins()]).toEqual([
      "connecting",
      "idle",
      [0, 0],
    ]);
    const releases = [connection.retain(), connection.retain()];
    await isReady();
    releases[0]?.();
    clock.advance(50);
    expect(connection.status.current).toBe("ready");
    releases[1]?.();
    clock.advance(49);
    expect(connection.status.current).toBe("ready");
    clock.advance(1);
    expect(connection.status.current).toBe("connecting");
    await eventually(() => joins()[1] === 1);
    const release = connection.retain();
    await isReady();
    expect(joins()).toEqual([2, 1]);
    release();
  });

  test("rule 1: a holder within the grace keeps the channel", async () => {
    connection.retain()();
    clock.advance(49);
    const release = connection.retain();
    await isReady();
    clock.advance(20_000);
    expect([connection.status.current, joins()]).toEqual(["ready", [1, 0]]);
    release();
  });

  test("rule 2: a root that is mounted without a holder keeps it open for the grace only", async () => {
    const { store } = await connection.mountStore({ module: "Counter", id: "a" });
    expect(store.snapshot()).toMatchObject({ count: 1 });
    clock.advance(50);
    expect(connection.status.current).toBe("connecting");
    await eventually(() => joins()[1] === 1);
  });

  test("client.md 3: a refused join closes it, with the reason told once; the next use asks again", async () => {
    const undo = server.intercept("phx_join", (message) => server.reply(message, "error", { reason: "unauthorized" }));
    const heard: unknown[] = [];
    connection.status.subscribe(() => heard.push([connection.status.current, connection.refusal?.code]));
    const release = connection.retain();
    await eventually(() => connection.refusal !== undefined);
    expect(heard).toEqual([["closed", "join_refused"]]);
    await connection.disconnect();
    expect([connection.status.current, connection.refusal]).toEqual(["closed", undefined]);
    undo();
    const again = connection.retain();
    expect([connection.status.current, connection.refusal]).toEqual(["connecting", undefined]);
    await isReady();
    release();
    again();
  });

  test("client.md 7: disconnect closes it at once, whoever holds it; a new holder opens it", async () => {
    const release = connection.retain();
    await isReady();
    await connection.disconnect();
    expect(connection.status.current).toBe("closed");
    await eventually(() => joins()[1] === 1);
    const again = connection.retain();
    await isReady();
    expect(joins()).toEqual([2, 1]);
    again();
    release();
  });

  test("react.md 9: without a socket nothing can be mounted, and the message says so", async () => {
    const absent = new OwnedConnection(null, { clock, logger });
    absent.retain()();
    expect(() => absent.openRoot({ module: "Counter", id: "a" })).toThrow(/no connection yet.*socket=\{null\}/);
    await expect(absent.mountStore({ module: "Counter", id: "a" })).rejects.toMatchObject({ code: "invalid_usage" });
  });
});
