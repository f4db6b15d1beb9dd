/** The constructor that phoenix.js makes its connection with. */
type Constructor = new () => object;

const nothing = (): void => {};

/**
 * What phoenix.js takes for a WebSocket, without a network: joins and mounts are answered with ok, and frames come when
 * `receive` is called, as they come from a browser's socket.
 */
export class WireTransport {
  /** To be given to a `Socket` as its `transport`. */
  readonly transport: Constructor;
  /** Resolves once a root has been mounted. */
  readonly mounted: Promise<void>;
  #deliver: (event: { readonly data: string }) => void = nothing;
  #join: readonly [joinRef: string, topic: string] = ["", ""];
  #tellMounted: () => void = nothing;

  constructor() {
    this.mounted = new Promise((resolve) => {
      this.#tellMounted = resolve;
    });
    const open = (connection: Connection): void => {
      this.#deliver = (event) => connection.onmessage(event);
      queueMicrotask(() => connection.onopen());
    };
    const send = (text: string): void => this.#answer(text);
    this.transport = class extends Connection {
      constructor() {
        super(send);
        open(this);
      }
    };
  }

  /** The text of a message from the server to the joined channel. */
  frameOf(event: string, payload: object): string {
    const [joinRef, topic] = this.#join;
    return JSON.stringify([joinRef, null, topic, event, payload]);
  }

  receive(frame: string): void {
    this.#deliver({ data: frame });
  }

  #answer(text: string): void {
    const [joinRef, ref, topic, event] = JSON.parse(text) as [string, string, string, string];
    this.#join = [joinRef, topic];
    queueMicrotask(() => {
      this.receive(JSON.stringify([joinRef, ref, topic, "phx_reply", { status: "ok", response: {} }]));
      if (event === "mount") this.#tellMounted();
    });
  }
}

/** The members of a WebSocket that phoenix.js uses. */
class Connection {
  binaryType = "arraybuffer";
  bufferedAmount = 0;
  readyState = 1;
  onopen: () => void = nothing;
  onerror: () => void = nothing;
  onclose: () => void = nothing;
  onmessage: (event: { readonly data: string }) => void = nothing;
  readonly close = nothing;
  readonly send: (text: string) => void;

  constructor(send: (text: string) => void) {
    this.send = send;
  }
}
