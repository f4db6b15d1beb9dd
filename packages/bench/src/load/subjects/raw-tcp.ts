import { createServer, type Socket } from "node:net";
import { listening } from "../listening.js";
import { type Payload, wireOf } from "../payload.js";
import type { ClientSide, ServerSide } from "./subject.js";

/** The limit: one `write` per message and socket of bytes made beforehand, and nothing else. */
export async function serveRawTcp(): Promise<ServerSide> {
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
  });
  return {
    port: await listening(server),
    broadcast(payload: Payload) {
      const wire = wireOf(payload);
      for (const socket of sockets) socket.write(wire);
    },
    push(to, payload) {
      sockets[to]?.write(wireOf(payload));
    },
  };
}

export const rawTcpClient: ClientSide = {
  path: () => null,
  hello: () => [],
  join: () => [],
};
