import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Has a server listen on a free port of 127.0.0.1, unless it listens already; its port. */
export async function listening(server: Server): Promise<number> {
  if (!server.listening) {
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
    await once(server, "listening");
  }
  return (server.address() as AddressInfo).port;
}
