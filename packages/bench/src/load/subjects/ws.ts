import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { listening } from "../listening.js";
import type { ClientSide, ServerSide } from "./subject.js";

/** Bare `ws` as its documentation shows it: JSON text, sent to one client after the other. */
export async function serveWs(): Promise<ServerSide> {
  const server = createServer();
  const sockets: WebSocket[] = [];
  new WebSocketServer({ server }).on("connection", (socket) => {
    sockets.push(socket);
  });
  return {
    port: await listening(server),
    broadcast({ text }) {
      const data = JSON.stringify({ text });
      for (const socket of sockets) socket.send(data);
    },
    push(to, { text }) {
      sockets[to]?.send(JSON.stringify({ text }));
    },
  };
}

export const wsClient: ClientSide = {
  path: () => "/",
  hello: () => [],
  join: () => [],
};
