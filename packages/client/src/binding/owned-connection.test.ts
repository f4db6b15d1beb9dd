import { createSocket, type PhoenixSocket, type PhoenixSocketClass } from "../socket.js";
import { eventually, FakeClock, ScriptedServer, type TransportConstructor } from "@musubi/testing";
import { expect, test, vi } from "vitest";
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
