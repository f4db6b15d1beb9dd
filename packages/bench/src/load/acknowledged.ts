import { connect, createServer, type Socket } from "node:net";
import { listening } from "./listening.js";

const COUNT_BYTES = 8;

/**
 * At a server: how many messages its clients say they have got, over a socket of its own.
 *
 * It bounds what is on its way, for each subject in the same manner.
 */
export class Acknowledged {
  count = 0;
  #wake: (() => void) | undefined;

  /** Listens; returns the port for {@link acknowledger}. */
  listen(): Promise<number> {
    const server = createServer((socket) => {
      let rest: Buffer = Buffer.alloc(0);
      socket.on("data", (data) => {
        const bytes = rest.length === 0 ? data : Buffer.concat([rest, data]);
        const whole = bytes.length - (bytes.length % COUNT_BYTES);
        rest = bytes.subarray(whole);
        if (whole === 0) return;
        this.count = bytes.readDoubleLE(whole - COUNT_BYTES);
        this.#wake?.();
      });
    });
    return listening(server);
  }

  /** Resolves when at least `count` have come; rejects when they do not come within `timeoutMs`. */
  reached(count: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        settle();
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`clients got ${this.count} of ${count} messages in ${timeoutMs} ms`))),
        timeoutMs,
      );
      this.#wake = () => {
        if (this.count >= count) done(resolve);
      };
      this.#wake();
    });
  }
}

/** At the clients: tells the server of a count, once per turn of the event loop however often it is called. */
export function acknowledger(port: number): (count: number) => void {
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let latest = 0;
  let isScheduled = false;
  const tell = (): void => {
    isScheduled = false;
    const bytes = Buffer.alloc(COUNT_BYTES);
    bytes.writeDoubleLE(latest);
    socket.write(bytes);
  };
  return (count) => {
    latest = count;
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(tell);
  };
}
