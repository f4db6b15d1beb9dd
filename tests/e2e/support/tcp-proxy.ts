import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isSilent: boolean;
}

/** A network between a page and a server, to be broken as networks break. Passes TCP on until then. */
export class TcpProxy {
  #serverPort: number;
  readonly #links = new Set<Link>();
  #listener: Server | undefined;
  #port = 0;

  constructor(serverPort: number) {
    this.#serverPort = serverPort;
  }

  get port(): number {
    return this.#port;
  }

  /** Lets connections in; after `refuse` on the same port as before. */
  async listen(): Promise<void> {
    const listener = createServer({ allowHalfOpen: true }, (client) => this.#link(client));
    listener.listen(this.#port, "127.0.0.1");
    await once(listener, "listening");
    this.#listener = listener;
    this.#port = (listener.address() as AddressInfo).port;
  }

  /** Has new connections lead to another server. */
  lead(serverPort: number): void {
    this.#serverPort = serverPort;
  }

  /** Has new connections refused until `listen` is called; live ones go on. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Ends live connections with a TCP reset to both ends. */
  reset(): void {
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Swallows what either end of live connections sends from now on, and keeps both open: half-open, to each end. */
  silence(): void {
    for (const link of this.#links) link.isSilent = true;
  }

  close(): void {
    this.refuse();
    this.reset();
  }

  #link(client: Socket): void {
    const server = connect({ port: this.#serverPort, host: "127.0.0.1", allowHalfOpen: true });
    const link: Link = { client, server, isSilent: false };
    this.#links.add(link);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("data", (bytes) => link.isSilent || to.write(bytes));
      from.on("end", () => link.isSilent || to.end());
      // What follows an error is its close.
      from.on("error", () => {});
      from.on("close", () => {
        if (link.isSilent) return;
        this.#links.delete(link);
        to.destroy();
      });
    }
  }
}
