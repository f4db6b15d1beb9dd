import { createServer } from "node:http";
import { type Client, Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";
import { listening } from "../listening.js";
import type { ClientSide, ServerSide } from "./subject.js";

/** JOIN_ROOM of Colyseus' protocol: the server's welcome and the client's answer to it. */
const JOIN_ROOM = 10;

class LoadRoom extends Room {
  /** There is one room for all. */
  static current: LoadRoom | undefined;
  readonly joined: Client[] = [];

  override onCreate(): void {
    LoadRoom.current = this;
    this.autoDispose = false;
    this.setPatchRate(null);
  }

  override onJoin(client: Client): void {
    this.joined.push(client);
  }
}

/** One Colyseus room without a state, whose messages are plain ones. */
export async function serveColyseus(): Promise<ServerSide> {
  const http = createServer();
  const transport = new WebSocketTransport({ server: http, pingInterval: 0 });
  const server = new Server({ transport, greet: false, gracefullyShutdown: false });
  server.define("load", LoadRoom);
  await server.listen(0, "127.0.0.1");
  return {
    port: await listening(http),
    broadcast({ text }) {
      LoadRoom.current?.broadcast("change", { text });
    },
    push(to, { text }) {
      LoadRoom.current?.joined[to]?.send("change", { text });
    },
  };
}

interface Seat {
  readonly room: { readonly roomId: string; readonly processId: string };
  readonly sessionId: string;
}

export const colyseusClient: ClientSide = {
  async path(port) {
    const response = await fetch(`http://127.0.0.1:${port}/matchmake/joinOrCreate/load`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const seat = (await response.json()) as Seat;
    return `/${seat.room.processId}/${seat.room.roomId}?sessionId=${seat.sessionId}`;
  },
  hello: () => [{ awaited: 1 }, { send: Uint8Array.of(JOIN_ROOM), awaited: 0 }],
  join: () => [],
};
