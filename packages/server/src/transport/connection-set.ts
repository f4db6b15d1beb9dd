import type { Clock, TimerHandle } from "@musubi/protocol";
import type { SocketSession } from "../channels/socket-session.js";

/** Looks for silent sockets this many times per timeout: a socket lives at most a tenth longer than it may. */
const SWEEPS_PER_TIMEOUT = 10;

/** A session's way to its client, whatever the transport. */
export interface Connection {
  readonly session: SocketSession;
  /** When the client was last heard, by the endpoint's clock. */
  readonly lastHeardAt: number;
  /** Ends it for its silence. */
  closeIdle(): void;
  /** Ends it without a goodbye. */
  cut(): void;
}

/** The open connections of one transport of an endpoint: one timer ends the silent ones, and `close` ends all. */
export class ConnectionSet {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #connections = new Set<Connection>();
  /** Sessions whose connections have gone while their channels' code still runs. */
  readonly #draining = new Set<SocketSession>();
  #timer: TimerHandle | undefined;
  #emptied: (() => void)[] = [];

  constructor(clock: Clock, silenceMs: number) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
  }

  /** Connections, and those that have gone while code of their channels still runs. */
  get size(): number {
    return this.#connections.size + this.#draining.size;
  }

  inspect(): { readonly sockets: number; readonly channels: number } {
    let channels = 0;
    for (const connection of this.#connections) channels += connection.session.channelCount;
    return { sockets: this.#connections.size, channels };
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#timer === undefined) this.#schedule();
  }

  /** The connection has ended. */
  remove(connection: Connection): void {
    this.#connections.delete(connection);
    const { session } = connection;
    this.#draining.add(session);
    void session.drained().then(() => {
      this.#draining.delete(session);
      this.#check();
    });
    if (this.#connections.size === 0 && this.#timer !== undefined) {
      this.#clock.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Says goodbye to all and waits for them and their channels' code, but no longer than `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    const emptied = new Promise<void>((resolve) => this.#emptied.push(resolve));
    for (const connection of this.#connections) connection.session.close("shutdown");
    this.#check();
    let timer: TimerHandle;
    const timedOut = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, timeoutMs);
    });
    await Promise.race([emptied, timedOut]).finally(() => this.#clock.clearTimeout(timer));
    for (const connection of this.#connections) connection.cut();
  }

  #check(): void {
    if (this.#connections.size > 0 || this.#draining.size > 0) return;
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const resolve of emptied) resolve();
  }

  #schedule(): void {
    const everyMs = this.#silenceMs / SWEEPS_PER_TIMEOUT;
    const before = this.#clock.now();
    this.#timer = this.#clock.setTimeout(() => {
      const now = this.#clock.now();
      // One that is late has stood still with its process: what clients have said meanwhile is yet to be read.
      const isLate = now - before >= 2 * everyMs;
      for (const connection of this.#connections) {
        if (!isLate && now - connection.lastHeardAt >= this.#silenceMs) connection.closeIdle();
      }
      // Some transports end at once.
      if (this.#connections.size > 0) this.#schedule();
    }, everyMs);
  }
}
