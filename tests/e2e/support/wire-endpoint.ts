import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TransportConstructor } from "@musubi/testing";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { WireServer } from "../../react/support/wire-server.js";

const CONNECTING = 0;

/** A {@link WireServer} that browsers can reach, on a port of its own. */
export class WireEndpoint {
  readonly server: WireServer;
  readonly #transport: TransportConstructor;
  #listener: WebSocketServer | undefined;
  #port = 0;

  constructor(server: WireServer) {
    this.server = server;
    // The transport of the in-process sockets, one connection of which stands for one of a browser.
    this.#transport = (server.createSocket() as unknown as { transport: TransportConstructor }).transport;
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const listener = new WebSocketServer({ host: "127.0.0.1", port: this.#port });
    listener.on("connection", (socket) => this.#serve(socket));
    await once(listener, "listening");
    this.#listener = listener;
    this.#port = (listener.address() as AddressInfo).port;
  }

  /** Cuts all connections and lets nobody in until `listen` is called again, which takes the same port. */
  async close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener === undefined) return;
    for (const socket of listener.clients) socket.terminate();
    listener.close();
    await once(listener, "close");
  }

  #serve(socket: WebSocket): void {
    const inner = new this.#transport("ws://matrix");
    const early: string[] = [];
    Object.assign(inner, {
      onopen: () => early.splice(0).forEach((text) => inner.send(text)),
      onmessage: ({ data }: { readonly data: string }) => socket.send(data),
      onclose: () => socket.terminate(),
    });
    socket.on("message", (data: RawData) => {
      const text = (data as Buffer).toString();
      if (inner.readyState === CONNECTING) early.push(text);
      else inner.send(text);
    });
    socket.on("close", () => inner.close());
    socket.on("error", () => socket.terminate());
  }
}
