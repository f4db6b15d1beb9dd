import { connect, type Socket } from "node:net";
import { type ClientRequest, type IncomingHttpHeaders, request } from "node:http";
import { expect } from "vitest";

/** An answer of the long-poll endpoint: the HTTP status and what its body says. */
export interface PollReply {
  readonly http: number;
  readonly headers: IncomingHttpHeaders;
  readonly status?: number;
  readonly token?: string;
  readonly messages?: readonly unknown[];
}

export interface Sent {
  readonly request: ClientRequest;
  readonly reply: Promise<PollReply>;
}

interface Options {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One request to `/socket/longpoll`, which can be cut. */
export function ask(port: number, { method = "GET", query = "", headers = {}, body }: Options = {}): Sent {
  const path = `/socket/longpoll?vsn=2.0.0${query}`;
  const sent = request({
    host: "127.0.0.1",
    port,
    path,
    method,
    headers: { connection: "keep-alive", ...headers },
    agent: false,
  });
  const reply = new Promise<PollReply>((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => {
        const { messages, ...said } = (text === "" ? {} : JSON.parse(text)) as { readonly messages?: string[] };
        const parsed = messages === undefined ? {} : { messages: messages.map((one) => JSON.parse(one) as unknown) };
        resolve({ http: response.statusCode ?? 0, headers: response.headers, ...said, ...parsed });
      });
    });
  });
  reply.catch(() => {});
  sent.end(body);
  return { request: sent, reply };
}

/** A poll whose client never reads its answer. */
export function pollWithoutReading(port: number, token: string): Socket {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.pause();
  socket.write(`GET /socket/longpoll?vsn=2.0.0&token=${token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  return socket;
}

/** How many bytes still come until the connection has been closed. */
export function restOf(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on("close", () => resolve(bytes));
    socket.resume();
  });
}

/** A client with a session, as phoenix.js's `LongPoll` is one. */
export class PollClient {
  readonly port: number;
  readonly token: string;

  constructor(port: number, token: string) {
    this.port = port;
    this.token = token;
  }

  static async open(port: number, query = "", headers: Readonly<Record<string, string>> = {}): Promise<PollClient> {
    const { http, status, token = "", messages } = await ask(port, { query, headers }).reply;
    expect({ http, status, messages }).toEqual({ http: 200, status: 410, messages: [] });
    return new PollClient(port, token);
  }

  get query(): string {
    return `&token=${this.token}`;
  }

  poll(): Sent {
    return ask(this.port, { query: this.query });
  }

  /** Polls until something comes, and says what. */
  async messages(): Promise<readonly unknown[]> {
    const { status, messages = [] } = await this.poll().reply;
    expect(status).toBe(200);
    return messages;
  }

  post(body: string | Buffer, type = "application/x-ndjson"): Sent {
    return ask(this.port, { method: "POST", query: this.query, headers: { "content-type": type }, body });
  }

  async say(...frames: readonly (readonly unknown[])[]): Promise<void> {
    const { http, status } = await this.post(frames.map((frame) => JSON.stringify(frame)).join("\n")).reply;
    expect({ http, status }).toEqual({ http: 200, status: 200 });
  }

  async join(topic: string): Promise<void> {
    await this.say(["1", "1", topic, "phx_join", {}]);
    expect(await this.messages()).toEqual([["1", "1", topic, "phx_reply", { status: "ok", response: {} }]]);
  }

  /** Proves that the session lives. */
  async beat(): Promise<void> {
    await this.say([null, "beat", "phoenix", "heartbeat", {}]);
    expect(await this.messages()).toEqual([[null, "beat", "phoenix", "phx_reply", { status: "ok", response: {} }]]);
  }
}
