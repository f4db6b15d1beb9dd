import { createServer } from "node:http";
import { Server, type Socket } from "socket.io";
import { listening } from "../listening.js";
import { NEVER_MS } from "../never.js";
import type { ClientSide, ServerSide } from "./subject.js";

/** Socket.IO with its defaults, by WebSocket from the start. */
export async function serveSocketIo(): Promise<ServerSide> {
  const server = createServer();
  const sockets: Socket[] = [];
  const io = new Server(server, { serveClient: false, pingInterval: NEVER_MS });
  io.on("connection", (socket) => {
    sockets.push(socket);
  });
  return {
    port: await listening(server),
    broadcast({ text }) {
      io.emit("change", { text });
    },
    push(to, { text }) {
      sockets[to]?.emit("change", { text });
    },
  };
}

/** Engine.IO protocol 4: an open packet from the server, then the main namespace is connected. */
export const socketIoClient: ClientSide = {
  path: () => "/socket.io/?EIO=4&transport=websocket",
  hello: () => [{ awaited: 1 }, { send: "40", awaited: 1 }],
  join: () => [],
};
