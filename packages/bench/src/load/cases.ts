import type { RoundOrder } from "./round.js";
import type { SubjectName } from "./subjects/subject.js";

/** A way of sending that all its subjects go through in turn. */
export interface Case {
  readonly name: string;
  readonly title: string;
  readonly subjects: readonly SubjectName[];
  readonly kind: RoundOrder["kind"];
  readonly perTick: number;
  /** At a rate latency is measured; without one, how much goes through. */
  readonly isPaced: boolean;
}

/** Messages per client and tick of the `-burst` cases. */
const BURST = 8;

/** The subjects that send to clients; the first is the limit. */
export const SENDERS: readonly SubjectName[] = ["raw-tcp", "ws", "ours", "socket.io", "colyseus"];

const STORES: readonly SubjectName[] = ["raw-tcp", "stores"];

const broadcast = { subjects: SENDERS, kind: "broadcast", perTick: 1, isPaced: false } as const;
const addressed = { subjects: SENDERS, kind: "addressed", perTick: 1, isPaced: false } as const;
const stores = { subjects: STORES, kind: "addressed", perTick: 1, isPaced: false } as const;

export const CASES: readonly Case[] = [
  { ...broadcast, name: "broadcast", title: "one message of 200 bytes to all, once per tick" },
  { ...broadcast, name: "broadcast-burst", title: `the same, ${BURST} messages per tick`, perTick: BURST },
  { ...addressed, name: "addressed", title: "to each its own message of 200 bytes, once per tick" },
  { ...addressed, name: "addressed-burst", title: `the same, ${BURST} messages per tick`, perTick: BURST },
  { ...stores, name: "stores", title: "one change in each root, once per tick: an envelope each" },
  { ...broadcast, name: "broadcast-latency", title: "sending to reading, at the rate asked for", isPaced: true },
  { ...addressed, name: "addressed-latency", title: "sending to reading, at the rate asked for", isPaced: true },
  { ...stores, name: "stores-latency", title: "change to envelope read, at the rate asked for", isPaced: true },
];
