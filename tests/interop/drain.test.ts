import { createServer, request, type Server } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket as NetSocket,
  type Server as TcpServer,
} from "node:net";
import { channel, createEndpoint, type Endpoint, joined, ok } from "@musubi/server";
import { LongPoll, Socket } from "phoenix";
import { afterEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "./support/echo-server.js";

interface Node {
  readonly endpoint: Endpoint;
  readonly http: Server;
  readonly port: number;
  /** Lets channels that have ended finish. */
  readonly finish: () => void;
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A node of a cluster, whose channels take their time to end. */
async function startNode(name: string): Promise<Node> {
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const room = channel("room:*", {
    join: () => joined(null, { name }),
    handlers: { ping: () => ok({ name }) },
    terminate: () => finished,
  });
  const endpoint = createEndpoint({ channels: [room], logger: silentLogger, drainTimeoutMs: 60_000 });
  const http = createServer((_request, response) => response.writeHead(404).end());
  endpoint.attach(http, { path: "/socket" });
  const port = await listen(http);
  ends.push(async () => {
    finish();
    await endpoint.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return { endpoint, http, port, finish };
}

async function listen(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A load balancer: new connections go to `target`, open ones stay where they are. */
async function startBalancer(target: { port: number }): Promise<number> {
  const open = new Set<NetSocket>();
  const balancer = createTcpServer((client) => {
    open.add(client);
    client.on("close", () => open.delete(client));
    const upstream = connect(target.port, "127.0.0.1");
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
    upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  const port = await listen(balancer);
  ends.push(() => {
    for (const client of open) client.destroy();
    return new Promise((resolve) => balancer.close(resolve));
  });
  return port;
}

/** The status with which a node refuses a handshake. */
function handshake(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
    webSocket.on("unexpected-response", (sent, response) => {
      resolve(response.statusCode);
      sent.destroy();
    });
    webSocket.on("error", reject);
  });
}

function poll(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path: "/socket/longpoll?vsn=2.0.0" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", reject);
    sent.end();
  });
}

it.each([
  ["WebSocket", WebSocket, [1012]],
  // Told by the poll that is held, or refused with the next one.
  ["LongPoll", LongPoll, [3410, 1011]],
])("%s: clients of a node that drains are told, refused there with 503, and rejoin at another one", async (...args) => {
  const [, transport, codes] = args;
  const [first, second] = [await startNode("first"), await startNode("second")];
  const target = { port: first.port };
  const port = await startBalancer(target);
  const socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
    transport,
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  const closes: number[] = [];
  const joins: unknown[] = [];
  socket.onClose(({ code: closed }: { code: number }) => void closes.push(closed));
  socket.connect();
  ends.push(async () => socket.disconnect());
  const room = socket.channel("room:a");
  room.join().receive("ok", (response: unknown) => void joins.push(response));
  await expect.poll(() => joins).toEqual([{ name: "first" }]);

  let isDrained = false;
  const drained = first.endpoint.close().then(() => {
    isDrained = true;
  });
  await expect.poll(() => closes.length).toBeGreaterThan(0);
  expect(codes).toContain(closes[0]);
  // Its code still runs, and whoever asks meanwhile gets an answer.
  for (let n = 0; n < 3; n++) {
    expect([await handshake(first.port), await poll(first.port)]).toEqual([503, 503]);
  }
  await expect.poll(() => closes.length).toBeGreaterThan(2);
  expect([isDrained, joins.length]).toEqual([false, 1]);

  // A poll could come over a connection that is kept, however far away its session is.
  first.http.closeIdleConnections();
  target.port = second.port;
  await expect.poll(() => joins).toEqual([{ name: "first" }, { name: "second" }]);
  await expect(new Promise((resolve) => room.push("ping", {}).receive("ok", resolve))).resolves.toEqual({
    name: "second",
  });
  expect(second.endpoint.inspect()).toEqual({ sockets: 1, channels: 1 });
  first.finish();
  await drained;
  expect(first.endpoint.inspect()).toEqual({ sockets: 0, channels: 0 });
});
