import { CalledProcess } from "./calls.js";
import type { ClientCalls } from "./client-process.js";
import type { ClientRound, RoundOrder, ServerRound } from "./round.js";
import type { ServerCalls } from "./server-process.js";
import type { SubjectName } from "./subjects/subject.js";

/** What a pair grew by, in bytes each, one figure per batch. */
export interface Memory {
  /** Per socket that is connected and does nothing. */
  readonly perSocket: readonly number[];
  /** Per socket that has joined, beyond that; with roots, per root. */
  readonly perJoin: readonly number[];
}

/** What both ends know of a round. */
export interface Round {
  readonly server: ServerRound;
  readonly clients: ClientRound;
}

/** Batches whose memory is measured one by one; the first two pay for what is made once. */
const BATCHES = 6;
const FIRST = 2;

/** A subject's server and its clients: a process each, and sockets between them. */
export class Pair {
  readonly name: SubjectName;
  readonly #server: CalledProcess<ServerCalls>;
  readonly #clients: CalledProcess<ClientCalls>;

  constructor(name: SubjectName) {
    this.name = name;
    this.#server = new CalledProcess(`the server of ${name}`, new URL("./server-process.js", import.meta.url));
    this.#clients = new CalledProcess(`the clients of ${name}`, new URL("./client-process.js", import.meta.url));
  }

  /** Connects all clients and has them join, with so many roots among them, if there are any. */
  async connect(clients: number, roots: number): Promise<Memory> {
    const { port, acknowledgePort } = await this.#server.call("start", this.name);
    await this.#clients.call("start", { subject: this.name, port, acknowledgePort });
    const perSocket = await this.#grow(clients, clients, (from, to) => this.#clients.call("connect", to - from));
    const perJoin = await this.#grow(clients, roots || clients, (from, to) =>
      this.#clients.call("join", { from, to, roots }),
    );
    return { perSocket, perJoin };
  }

  /** Sends for a while as `order` says. */
  async round(order: RoundOrder): Promise<Round> {
    await this.#clients.call("begin", { isStamped: order.rate !== undefined });
    const server = await this.#server.call("round", order);
    const clients = await this.#clients.call("end", undefined);
    if (clients.messages !== server.messages) {
      throw new Error(`${this.name}: ${server.messages} messages were sent and ${clients.messages} came`);
    }
    return { server, clients };
  }

  stop(): void {
    this.#clients.stop();
    this.#server.stop();
  }

  /** Does `step` in batches; what the server's memory grew by in each, per thing of which there will be `things`. */
  async #grow(
    count: number,
    things: number,
    step: (from: number, to: number) => Promise<void>,
  ): Promise<readonly number[]> {
    const grown: number[] = [];
    let before = await this.#server.call("memory", undefined);
    for (let batch = 0; batch < BATCHES; batch++) {
      const from = Math.floor((batch * count) / BATCHES);
      const to = Math.floor(((batch + 1) * count) / BATCHES);
      if (from === to) continue;
      await step(from, to);
      const after = await this.#server.call("memory", undefined);
      grown.push((after - before) / ((to - from) * (things / count)));
      before = after;
    }
    return grown.length > FIRST ? grown.slice(FIRST) : grown;
  }
}
