import { connect, type Socket } from "node:net";
import { FrameReader, masked, type OnFrame } from "./frames.js";
import type { Step } from "./subjects/subject.js";

/** One for all sockets of the process: what is read is counted at once and not kept. */
const shared = Buffer.alloc(256 * 1024);

const END_OF_HEAD = "\r\n\r\n";

/** What a {@link LoadClient} tells of. */
export interface LoadClientEvents {
  /** A message after its `hello`. */
  readonly onFrame: OnFrame;
  readonly onBytes: (size: number) => void;
  /** The server has ended it. */
  readonly onEnd: (cause: Error) => void;
}

/** A client that reads as cheaply as can be: below `ws`, and below Node's streams. */
export class LoadClient {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #events: LoadClientEvents;
  #head: string | undefined;
  #steps: Step[] = [];
  /** Messages until the next step. */
  #awaited = 0;
  #resolve: (() => void) | undefined;
  readonly #onFrame: OnFrame = (bytes, from, to) => {
    if (this.#resolve === undefined) this.#events.onFrame(bytes, from, to);
    else if (--this.#awaited === 0) this.#step();
  };

  /** Connects; `path` is that of a WebSocket, or `null` for what has no handshake. */
  constructor(port: number, path: string | null, events: LoadClientEvents) {
    this.#events = events;
    this.#head = path === null ? undefined : "";
    this.#socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: shared, callback: (size, buffer) => this.#read(buffer as Buffer, size) },
    });
    if (path !== null) this.#socket.write(upgradeRequest(port, path));
    this.#socket.on("error", (cause) => events.onEnd(cause));
    this.#socket.on("close", () => events.onEnd(new Error("the server closed a connection")));
  }

  /** Waits for the connection, then takes the steps; to be called once, before {@link take}. */
  open(steps: readonly Step[]): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#steps = [...steps];
      if (this.#head === undefined) this.#socket.once("connect", () => this.#step());
    });
  }

  /** Takes further steps. */
  take(steps: readonly Step[]): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#steps = [...steps];
      this.#step();
    });
  }

  #step(): void {
    for (;;) {
      const step = this.#steps.shift();
      if (step === undefined) {
        const resolve = this.#resolve;
        this.#resolve = undefined;
        resolve?.();
        return;
      }
      if (step.send !== undefined) this.#socket.write(masked(step.send));
      this.#awaited = step.awaited;
      if (step.awaited > 0) return;
    }
  }

  #read(buffer: Buffer, size: number): boolean {
    this.#events.onBytes(size);
    if (this.#head === undefined) this.#reader.read(buffer, size, this.#onFrame);
    else this.#readHead(buffer, size);
    return true;
  }

  #readHead(buffer: Buffer, size: number): void {
    const before = this.#head?.length ?? 0;
    const head = `${this.#head}${buffer.toString("latin1", 0, size)}`;
    this.#head = head;
    const end = head.indexOf(END_OF_HEAD);
    if (end === -1) return;
    if (!head.startsWith("HTTP/1.1 101 ")) {
      this.#events.onEnd(new Error(`no WebSocket: ${head.slice(0, head.indexOf("\r\n"))}`));
      return;
    }
    this.#head = undefined;
    this.#step();
    const from = end + END_OF_HEAD.length - before;
    if (from < size) this.#reader.read(buffer.subarray(from, size), size - from, this.#onFrame);
  }
}

function upgradeRequest(port: number, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    `origin: http://127.0.0.1:${port}`,
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "accept-language: en-GB,en;q=0.9",
    END_OF_HEAD,
  ]
    .join("\r\n")
    .slice(0, -2);
}
