import WebSocket from "ws";

/** What phoenix.js put on the wire and got from it, per connection, in the words of the recordings. */
export interface WireFrame {
  readonly conn: string;
  readonly dir: "out" | "in";
  readonly type: string;
  readonly [detail: string]: unknown;
}

/** A `transport` for phoenix.js that writes down everything that passes. */
export function recordingTransport(wire: WireFrame[]): new (url: string, protocols?: string | string[]) => WebSocket {
  let connections = 0;
  return class extends WebSocket {
    readonly #conn: string;

    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols);
      connections += 1;
      this.#conn = `ws${connections}`;
      const { pathname, search } = new URL(url);
      const offered = typeof protocols === "string" ? [protocols] : (protocols ?? []);
      this.#write("out", "upgrade", {
        data: `GET ${pathname}${search}`,
        ...(offered.length === 0 ? {} : { protocols: offered }),
      });
      this.on("upgrade", () => this.#write("in", "upgrade", { status: 101 }));
      this.on("error", ({ message }) => this.#write("in", "client_error", { note: message }));
      this.on("message", (data, isBinary) => {
        const bytes = Buffer.from(data as ArrayBuffer);
        if (isBinary) this.#write("in", "binary", { hex: bytes.toString("hex") });
        else this.#write("in", "text", { data: JSON.parse(bytes.toString()) as unknown });
      });
      this.on("close", (code, reason) => this.#write("in", "close", { code, reason: reason.toString() }));
    }

    // phoenix.js sends text and ArrayBuffers, and never a second argument.
    override send(data: WebSocket.Data): void {
      if (typeof data === "string") this.#write("out", "text", { data: jsonOr(data) });
      else this.#write("out", "binary", { hex: Buffer.from(data as ArrayBuffer).toString("hex") });
      super.send(data);
    }

    override close(code?: number, reason?: string | Buffer): void {
      // ws calls this too, to repeat what a server said: then the reason is a Buffer, or the first call is long made.
      const isFirst = this.readyState === WebSocket.OPEN || this.readyState === WebSocket.CONNECTING;
      if (isFirst && !Buffer.isBuffer(reason)) this.#write("out", "close", {});
      super.close(code, reason);
    }

    #write(dir: "out" | "in", type: string, details: object): void {
      wire.push({ conn: this.#conn, dir, type, ...details });
    }
  };
}

export function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
