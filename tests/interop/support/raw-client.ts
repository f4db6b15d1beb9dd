import { type IncomingHttpHeaders, request } from "node:http";
import type { Socket } from "node:net";
import WebSocket from "ws";

/** What a raw client saw of the server, in the words of the recordings. */
export type Observation =
  | { readonly type: "upgrade"; readonly status: number; readonly protocol: string; readonly extensions: string }
  | { readonly type: "http"; readonly status: number; readonly body: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "binary"; readonly hex: string }
  | { readonly type: "pong"; readonly hex: string }
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  | { readonly type: "client_error"; readonly message: string };

/** A WebSocket client that keeps what it sees until it is asked. */
export class RawClient {
  readonly webSocket: WebSocket;
  readonly #seen: Observation[] = [];
  #waiting: ((observation: Observation) => void) | undefined;

  constructor(url: string, protocols: readonly string[] = [], headers: Readonly<Record<string, string>> = {}) {
    const webSocket = new WebSocket(url, [...protocols], { headers, perMessageDeflate: true });
    this.webSocket = webSocket;
    webSocket.on("upgrade", ({ headers: got }) =>
      this.#see({
        type: "upgrade",
        status: 101,
        protocol: got["sec-websocket-protocol"] ?? "",
        extensions: got["sec-websocket-extensions"] ?? "",
      }),
    );
    webSocket.on("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        this.#see({ type: "http", status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    webSocket.on("message", (data, isBinary) => {
      const bytes = data as Buffer;
      this.#see(isBinary ? { type: "binary", hex: bytes.toString("hex") } : { type: "text", text: bytes.toString() });
    });
    webSocket.on("pong", (data) => this.#see({ type: "pong", hex: data.toString("hex") }));
    webSocket.on("close", (code, reason) => this.#see({ type: "close", code, reason: reason.toString() }));
    webSocket.on("error", ({ message }) => this.#see({ type: "client_error", message }));
  }

  /** The next thing seen, once it is. */
  next(): Promise<Observation> {
    const seen = this.#seen.shift();
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** What the server sends before it has answered a few WebSocket pings in a row: all that is under way. */
  async settled(): Promise<readonly Observation[]> {
    const seen: Observation[] = [];
    if (this.webSocket.readyState !== WebSocket.OPEN) return this.#seen.splice(0);
    for (let round = 0; round < 4; round++) {
      const mark = `settled ${round}`;
      this.webSocket.ping(mark);
      for (;;) {
        const observation = await this.next();
        if (observation.type === "pong" && observation.hex === Buffer.from(mark).toString("hex")) break;
        seen.push(observation);
      }
    }
    return seen;
  }

  sendText(text: string): void {
    this.webSocket.send(text);
  }

  /** Writes bytes beneath the WebSocket layer. */
  sendRaw(bytes: Buffer): void {
    (this.webSocket as unknown as { _socket: Socket })._socket.write(bytes);
  }

  #see(observation: Observation): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#seen.push(observation);
      return;
    }
    this.#waiting = undefined;
    waiting(observation);
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** One HTTP request, without anything that Node would add of its own. */
export function httpRequest(
  port: number,
  options: { method: string; path: string; headers: Readonly<Record<string, string>>; body?: string | Buffer },
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body } = options;
    const sent = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      const { statusCode: status = 0, headers: got } = response;
      response.on("end", () => resolve({ status, body: Buffer.concat(chunks).toString(), headers: got }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, body: "", headers: response.headers });
    });
    sent.end(body);
  });
}
