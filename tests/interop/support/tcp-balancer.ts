import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A load balancer of connections: each goes to the next server in turn, past those that are not there. */
export class TcpBalancer {
  readonly #ports: readonly number[];
  readonly #open = new Set<Socket>();
  readonly #listener: Server = createServer((client) => this.#lead(client));
  #turn = 0;

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  async listen(): Promise<number> {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    return (this.#listener.address() as AddressInfo).port;
  }

  close(): void {
    this.#listener.close();
    for (const socket of this.#open) socket.destroy();
  }

  #lead(client: Socket): void {
    this.#open.add(client);
    client.on("error", () => {}).on("close", () => this.#open.delete(client));
    const port = this.#ports[this.#turn++ % this.#ports.length] ?? 0;
    this.#try(client, port, this.#ports.length);
  }

  #try(client: Socket, port: number, left: number): void {
    const server = connect(port, "127.0.0.1");
    const fail = (): void => {
      if (left === 1) client.destroy();
      else this.#try(client, this.#ports[this.#turn++ % this.#ports.length] ?? 0, left - 1);
    };
    server.once("error", fail).once("connect", () => {
      server.off("error", fail).on("error", () => {});
      server.on("close", () => client.destroy());
      client.on("close", () => server.destroy());
      client.pipe(server).pipe(client);
    });
  }
}
