import { connect, type MusubiConnection, type StoreProxy } from "@musubi/client";
import { type Channel, Socket } from "phoenix";
import { expect } from "vitest";
import WebSocket from "ws";
import type { FuzzStores } from "./fuzz-server.js";

/** A client of good will: phoenix.js and @musubi/client. */
export class CalmClient {
  readonly #socket: Socket;
  readonly #room: Channel;
  #connection: MusubiConnection<FuzzStores> | undefined;
  #store: StoreProxy<"Fuzz.Desk", FuzzStores> | undefined;
  #count = 0;

  constructor(port: number, name: string) {
    this.#socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
      transport: WebSocket,
      params: { user: name },
      heartbeatIntervalMs: 2 ** 30,
    });
    this.#room = this.#socket.channel("room:calm");
  }

  async open(): Promise<void> {
    this.#connection = await connect<FuzzStores>(this.#socket);
    const { store } = await this.#connection.mountStore({ module: "Fuzz.Desk", id: "calm" });
    this.#store = store;
    await new Promise((resolve, reject) => {
      this.#room.join().receive("ok", resolve).receive("error", reject).receive("timeout", reject);
    });
  }

  /** Proves that the server answers heartbeats, commands and pushes now. */
  async isServed(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (!this.#socket.ping(() => resolve())) reject(new Error("the well-behaved client has lost its socket"));
    });
    const before = this.#count;
    const { count } = await this.#open.dispatchCommand("add", { by: 1 });
    // Others publish to it too.
    expect(count).toBeGreaterThan(before);
    this.#count = count;
    await new Promise((resolve, reject) => {
      this.#room.push("away", {}).receive("ok", resolve).receive("error", reject).receive("timeout", reject);
    });
  }

  /** Sends a file and has it taken. */
  async sendFile(): Promise<void> {
    const { papers } = this.#open;
    await papers.select(new File(["hello"], "hello.txt"), { autoStart: true });
    await papers.start();
    expect(await this.#open.dispatchCommand("save")).toEqual({ names: ["hello.txt"] });
  }

  get #open(): StoreProxy<"Fuzz.Desk", FuzzStores> {
    if (this.#store === undefined) throw new Error("not open yet");
    return this.#store;
  }

  async close(): Promise<void> {
    this.#room.leave();
    await this.#connection?.disconnect();
    await new Promise<void>((resolve) => this.#socket.disconnect(() => resolve()));
  }
}
