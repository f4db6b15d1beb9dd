/** The server's end of an in-memory connection. */
export interface MemoryPeer {
  /** Sends a text frame to the client. */
  send(text: string): void;
  /** Ends the connection; the client sees the close `code` (1006: cut without a close frame). */
  close(code: number): void;
}

/** What a server does with in-memory connections. */
export interface MemoryListener {
  /** A client connects to `url`. Returns what takes its frames and its close, or `undefined` to refuse it. */
  connect(url: string, peer: MemoryPeer): { message(text: string): void; close(code: number): void } | undefined;
}

/** The shape that phoenix.js asks of a transport: a WebSocket's. */
export interface TransportInstance {
  readonly readyState: number;
  send(data: unknown): void;
  close(code?: number): void;
}

/** A constructor to be given to phoenix.js's `Socket` as `transport`. */
export type TransportConstructor = new (url: string) => TransportInstance;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/**
 * A transport for phoenix.js that ends in `listener`, within this process: a WebSocket without a network. Frames and
 * events arrive asynchronously, in order, one microtask each.
 */
export function createMemoryTransport(listener: MemoryListener): TransportConstructor {
  return class MemoryTransport implements TransportInstance {
    binaryType = "arraybuffer";
    readonly bufferedAmount = 0;
    readyState: number = CONNECTING;
    onopen: () => void = () => {};
    onerror: (error: unknown) => void = () => {};
    onmessage: (event: { data: string }) => void = () => {};
    onclose: (event: { code: number; wasClean: boolean }) => void = () => {};
    readonly #server: ReturnType<MemoryListener["connect"]>;

    constructor(url: string) {
      this.#server = listener.connect(url, {
        send: (text) =>
          queueMicrotask(() => {
            if (this.readyState === OPEN) this.onmessage({ data: text });
          }),
        // A cut takes what is on its way with it; a close comes after it.
        close: (code) => (code === 1006 ? this.#end(code) : queueMicrotask(() => this.#end(code))),
      });
      if (this.#server === undefined) {
        this.#end(1006);
      } else {
        queueMicrotask(() => {
          if (this.readyState !== CONNECTING) return;
          this.readyState = OPEN;
          this.onopen();
        });
      }
    }

    send(data: unknown): void {
      if (this.readyState !== OPEN || typeof data !== "string") return;
      queueMicrotask(() => this.#server?.message(data));
    }

    close(code = 1000): void {
      if (this.readyState >= CLOSING) return;
      // After what was sent before it.
      queueMicrotask(() => this.#server?.close(code));
      this.#end(code);
    }

    #end(code: number): void {
      if (this.readyState >= CLOSING) return;
      this.readyState = CLOSING;
      queueMicrotask(() => {
        this.readyState = CLOSED;
        if (code === 1006) this.onerror(new Error("the connection was cut"));
        this.onclose({ code, wasClean: code !== 1006 });
      });
    }
  };
}
