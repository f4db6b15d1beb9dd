import { createServer, type RequestListener, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Clock } from "@musubi/protocol";
import { expect } from "vitest";
import WebSocket from "ws";
import { type ChannelDefinition, channel, joined, ok } from "../channels/channel.js";
import type { Logger } from "../logger.js";
import { createEndpoint, type Endpoint, type EndpointOptions } from "./endpoint.js";

/** `room:*`, whose `ping` answers with what it got. */
export const room: ChannelDefinition = channel("room:*", {
  join: () => joined(null),
  handlers: { ping: (_ctx, payload) => ok(payload) },
});

/** A logger that keeps what it is told. */
export function listeningLogger(): Logger & { readonly lines: { level: string; details: object; message: string }[] } {
  const lines: { level: string; details: object; message: string }[] = [];
  const log = (level: string) => (details: object, message: string) => void lines.push({ level, details, message });
  return { lines, debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

export interface Running {
  readonly server: Server;
  readonly endpoint: Endpoint;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** An endpoint at `/socket` of an HTTP server on a port of its own. */
export async function start(options: Partial<EndpointOptions> = {}, app?: RequestListener): Promise<Running> {
  const endpoint = createEndpoint({ channels: [room], logger: listeningLogger(), ...options });
  const server = createServer(app ?? ((_request, response) => response.writeHead(404).end("not here")));
  endpoint.attach(server, { path: "/socket" });
  const port = await listen(server);
  const stop = async (): Promise<void> => {
    await endpoint.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, endpoint, port, stop };
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** What the server made of a connect: the status of its answer. */
export function statusOf(port: number, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    webSocket.on("unexpected-response", (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    webSocket.on("open", () => {
      webSocket.terminate();
      resolve(101);
    });
    webSocket.on("error", reject);
  });
}

/** One plain HTTP request. */
export function get(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, agent: false, ...options }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** A connected WebSocket client. */
export class RawClient {
  readonly webSocket: WebSocket;
  readonly closed: Promise<number>;
  readonly #frames: unknown[] = [];
  #wake: () => void = ignore;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on("message", (data, isBinary) => {
      this.#frames.push(isBinary ? data : JSON.parse((data as Buffer).toString()));
      this.#wake();
    });
    webSocket.on("error", ignore);
    this.closed = new Promise((resolve) => webSocket.on("close", resolve));
  }

  static async open(
    port: number,
    query = "",
    protocols: string[] = [],
    options: WebSocket.ClientOptions = {},
  ): Promise<RawClient> {
    const url = `ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0${query}`;
    const client = new RawClient(new WebSocket(url, protocols, options));
    await new Promise((resolve, reject) => {
      client.webSocket.on("open", resolve);
      client.webSocket.on("error", reject);
    });
    return client;
  }

  say(...frame: [unknown, unknown, unknown, unknown, unknown]): void {
    this.webSocket.send(JSON.stringify(frame));
  }

  async next(): Promise<unknown> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /** Joins a topic under join ref 1. */
  async join(topic: string): Promise<void> {
    this.say("1", "1", topic, "phx_join", {});
    expect(await this.next()).toEqual(["1", "1", topic, "phx_reply", { status: "ok", response: {} }]);
  }

  /** Proves that the server still listens to this client. */
  async beat(): Promise<void> {
    this.say(null, "beat", "phoenix", "heartbeat", {});
    expect(await this.next()).toEqual([null, "beat", "phoenix", "phx_reply", { status: "ok", response: {} }]);
  }
}

/** A TCP connection that sends an upgrade request by hand; `answer` is all that comes back until it ends. */
export function rawUpgrade(port: number, path: string): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(port, "127.0.0.1");
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.on("error", ignore);
  });
  return { socket, answer };
}

/** A clock that stands still until it is told to advance. */
export function manualClock(): Clock & { advance(ms: number): void; readonly pending: () => number } {
  let now = 0;
  let lastId = 0;
  const timers = new Map<unknown, { at: number; callback: () => void }>();
  return {
    now: () => now,
    setTimeout(callback, delayMs) {
      lastId += 1;
      timers.set(lastId, { at: now + delayMs, callback });
      return lastId;
    },
    clearTimeout: (handle) => void timers.delete(handle),
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [due] = [...timers].filter(([, { at }]) => at <= end).toSorted(([, a], [, b]) => a.at - b.at);
        if (due === undefined) break;
        timers.delete(due[0]);
        now = due[1].at;
        due[1].callback();
      }
      now = end;
    },
    pending: () => timers.size,
  };
}

function ignore(): void {}
