/**
 * One file on its way over a channel of its own, pure (protocol.md section 6).
 *
 *   joining ─ joined ▶ reading ─ read ▶ sending ─ acked ▶ reading …
 *                 ▲       └───── dropped ───┘
 *                 └ joined ─ rejoining ◀┘        end, from any of them ▶ ended (terminal)
 *
 * phoenix.js joins again by itself, and the server's offset says from where to go on. One chunk is in flight at a time.
 * It knows no socket, no file and no clock, nor why a transfer ends: the driver is `channel-transfer.ts`.
 */
export type TransferState =
  /** The join is unanswered. */
  | "joining"
  /** As `joining`, with an earlier one that was answered ok. */
  | "rejoining"
  /** The next chunk is being read. */
  | "reading"
  /** A chunk is unanswered. */
  | "sending"
  | "ended";

export type TransferEvent =
  /** The join was answered ok, with bytes left to send. */
  | "joined"
  /** The next chunk has been read. */
  | "read"
  /** The chunk in flight was answered ok, with bytes left to send. */
  | "acked"
  /** The join has ended; phoenix.js joins again. */
  | "dropped"
  /** The file is there, or has failed, or nobody wants it sent any more. */
  | "end";

/** What the driver has to do. */
export type TransferEffect =
  /** Start the timer for the answer to the join. */
  | "await_join"
  /** Read the next chunk. */
  | "read"
  /** Push the chunk that was read. */
  | "push"
  /** It is over: timers, waits and the channel go, and whoever waits is told. */
  | "end";

export type TransferTransition = readonly [TransferState, TransferEffect?];

type Row = Readonly<Partial<Record<TransferEvent, TransferTransition>>>;

const READ: TransferTransition = ["reading", "read"];
const unjoined: Row = { joined: READ, end: ["ended", "end"] };
const joined: Row = { ...unjoined, dropped: ["rejoining", "await_join"] };

/** What is not named stays as it is. */
const TABLE: Readonly<Record<TransferState, Row>> = {
  joining: { ...unjoined, dropped: ["joining", "await_join"] },
  rejoining: joined,
  reading: { ...joined, read: ["sending", "push"] },
  sending: { ...joined, acked: READ },
  ended: {},
};

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextTransfer(state: TransferState, event: TransferEvent): TransferTransition {
  return TABLE[state][event] ?? [state];
}
