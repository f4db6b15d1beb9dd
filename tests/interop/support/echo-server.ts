import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ConnectHook, createEndpoint, type Endpoint, type EndpointOptions, type Logger } from "@musubi/server";
import { FakeClock } from "@musubi/testing";
import { echoChannels } from "./echo-channel.js";

/** Errors that a test asked for are no news. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export interface EchoServer {
  readonly port: number;
  /** The endpoint of `/socket`. */
  readonly endpoint: Endpoint;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** The time of `/socket_fast` and `/socket_still`. */
  readonly clock: FakeClock;
  close(): Promise<void>;
}

const connect: ConnectHook = ({ params }) => {
  switch (params["refuse"]) {
    case "error":
    case "reason":
      return false;
    case "crash":
      throw new Error("asked to crash in connect");
    default:
      return params["user"] === undefined ? {} : { id: `user_socket:${params["user"]}` };
  }
};

/** A server with the sockets of the recorded one, on a port of its own unless one is given. */
export async function startEchoServer({ isAsync = false, port = 0 } = {}): Promise<EchoServer> {
  const clock = new FakeClock();
  const create = (options: Partial<EndpointOptions>): Endpoint =>
    createEndpoint({ channels: echoChannels(isAsync), connect, logger: silentLogger, ...options });
  const endpoints = {
    "/socket": create({}),
    "/socket_small": create({ maxFrameBytes: 1024, maxChannels: 2 }),
    "/socket_fast": create({ heartbeatTimeoutMs: 2_000, longPoll: { windowMs: 1_500 }, clock }),
    "/socket_still": create({ checkOrigin: false, clock }),
    "/socket_deflate": create({ compress: true }),
    "/socket_auth": create({ connect: ({ authToken }) => (authToken?.startsWith("good") ? {} : false) }),
    "/socket_origin": create({ checkOrigin: ["//allowed.example"] }),
  };
  const server = createServer((_request, response) => response.writeHead(404).end("not found"));
  for (const [path, endpoint] of Object.entries(endpoints)) endpoint.attach(server, { path });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    endpoint: endpoints["/socket"],
    endpoints,
    clock,
    close() {
      closed ??= (async () => {
        const stopped = new Promise((resolve) => server.close(resolve));
        await Promise.all(Object.values(endpoints).map((endpoint) => endpoint.close()));
        server.closeAllConnections();
        await stopped;
      })();
      return closed;
    },
  };
}
