import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface DeafProxy {
  readonly port: number;
  /** WebSocket handshakes that it has swallowed. */
  readonly swallowed: number;
  close(): Promise<void>;
}

/** A proxy as some networks have one: plain HTTP passes, and a WebSocket's handshake is never answered. */
export async function startDeafProxy(target: number): Promise<DeafProxy> {
  const open = new Set<Socket>();
  let swallowed = 0;
  const server = createServer((client) => {
    open.add(client);
    client.on("close", () => open.delete(client)).on("error", () => client.destroy());
    client.once("data", (first) => {
      if (/^upgrade: websocket/im.test(first.toString("latin1"))) {
        swallowed += 1;
        return;
      }
      const upstream = connect(target, "127.0.0.1");
      upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
      client.on("close", () => upstream.destroy());
      upstream.write(first);
      client.pipe(upstream).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get swallowed() {
      return swallowed;
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
