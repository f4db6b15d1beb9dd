/** How messages are sent for a while. */
export interface RoundOrder {
  /** One message to all, or to each its own. */
  readonly kind: "broadcast" | "addressed";
  readonly ms: number;
  /** Bytes of a message's text. */
  readonly textBytes: number;
  /** Clients, or roots. */
  readonly targets: number;
  /** Messages per client and tick. 1: no subject can write two in one go. */
  readonly perTick: number;
  /** Messages per second, one per tick, each with the time it was sent at; without it as many as go through. */
  readonly rate?: number;
}

/** What the server knows of a round. */
export interface ServerRound {
  readonly messages: number;
  /** From the first write until the clients had all messages. */
  readonly ms: number;
  /** Time of the processor that the server took. */
  readonly cpuMs: number;
  /** The share of the round that the server waited for its clients: they were the limit then. */
  readonly waited: number;
}

/** What the clients know of a round. */
export interface ClientRound {
  readonly messages: number;
  /** As they came from the sockets, headers of frames included. */
  readonly bytes: number;
  readonly cpuMs: number;
  /** From sending to reading, in microseconds, of rounds with a rate. */
  readonly p50Us: number;
  readonly p99Us: number;
}
