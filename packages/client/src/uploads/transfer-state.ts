import type { UploadError } from "@musubi/protocol";

/**
 * One file on its way over a channel of its own, pure (protocol.md section 6).
 *
 *   joining ─ joined ▶ reading ─ read ▶ sending ─ acked ▶ reading … ▶ done
 *      ▲ dropped          └──── dropped ────┘
 *      └─ phoenix.js joins again, and the server's offset says from where to go on
 *   stop ▶ stopped        refused, rejected, unreadable, timeout, closed ▶ failed        (terminal, as is done)
 *
 * One chunk is in flight at a time. It knows no socket, no file and no clock: the driver is `channel-transfer.ts`.
 */
export type TransferState =
  /** The join is unanswered. `again`: an earlier one was answered ok. */
  | { readonly status: "joining"; readonly again: boolean }
  /** The server has what is before `at`; what follows is being read. */
  | { readonly status: "reading"; readonly at: number }
  /** The bytes from `at` to `end` are unanswered. */
  | { readonly status: "sending"; readonly at: number; readonly end: number }
  | { readonly status: "done" }
  | { readonly status: "failed"; readonly error: UploadError }
  | { readonly status: "stopped" };

export type TransferEvent =
  /** The join was answered ok: the server has `offset` bytes. */
  | { readonly type: "joined"; readonly offset: number }
  | { readonly type: "refused"; readonly error: UploadError }
  /** The next chunk has been read. */
  | { readonly type: "read" }
  | { readonly type: "unreadable"; readonly error: UploadError }
  /** The chunk in flight was answered ok. */
  | { readonly type: "acked" }
  | { readonly type: "rejected"; readonly error: UploadError }
  /** No answer to a join or a chunk in time. */
  | { readonly type: "timeout" }
  /** The join has ended; phoenix.js joins again. */
  | { readonly type: "dropped" }
  /** The server has closed the channel, which is final. */
  | { readonly type: "closed" }
  /** Nobody wants the file sent any more. */
  | { readonly type: "stop" };

/** What the driver has to do, in order. */
export type TransferEffect =
  /** Read the next chunk. */
  | "read"
  /** Push the chunk that was read. */
  | "push"
  /** Start the timer for the answer to the join. */
  | "await_join"
  /** It is over: timers, waits and the channel go, and whoever waits is told. */
  | "end";

/** Bytes. */
export interface TransferSizes {
  readonly size: number;
  readonly chunk: number;
}

export interface TransferTransition {
  readonly state: TransferState;
  readonly effects: readonly TransferEffect[];
}

type Cell = (state: never, event: never, sizes: TransferSizes) => TransferTransition;
type Table = Readonly<Record<TransferState["status"], Readonly<Record<TransferEvent["type"], Cell>>>>;

export const JOINING: TransferState = { status: "joining", again: false };

const stay: Cell = (state: TransferState) => ({ state, effects: [] });
const end = (state: TransferState): TransferTransition => ({ state, effects: ["end"] });
const fail: Cell = (_state: TransferState, { error }: { error: UploadError }) => end({ status: "failed", error });
const failWith =
  (code: string, message: string): Cell =>
  () =>
    end({ status: "failed", error: { code, message } });

const goOn = (at: number, { size }: TransferSizes): TransferTransition =>
  at >= size ? end({ status: "done" }) : { state: { status: "reading", at }, effects: ["read"] };
const joined: Cell = (_state: TransferState, { offset }: { offset: number }, sizes) => goOn(offset, sizes);
const joinAgain: Cell = () => ({ state: { status: "joining", again: true }, effects: ["await_join"] });
const stop: Cell = () => end({ status: "stopped" });
const timeout = failWith("chunk_timeout", "The server did not answer in time.");
const closed = failWith("internal", "The server ended the upload.");

const ENDED: Table["done"] = {
  joined: stay,
  refused: stay,
  read: stay,
  unreadable: stay,
  acked: stay,
  rejected: stay,
  timeout: stay,
  dropped: stay,
  closed: stay,
  stop: stay,
};

const TABLE: Table = {
  joining: {
    joined,
    // A server that had let it in and does not any more has begun anew.
    refused: ({ again }: { again: boolean }, { error }: { error: UploadError }) =>
      end({ status: "failed", error: again ? { ...error, code: "interrupted" } : error }),
    read: stay,
    unreadable: stay,
    acked: stay,
    rejected: stay,
    timeout,
    dropped: (state: TransferState) => ({ state, effects: ["await_join"] }),
    closed,
    stop,
  },
  reading: {
    joined,
    refused: fail,
    read: ({ at }: { at: number }, _event, { size, chunk }) => ({
      state: { status: "sending", at, end: Math.min(size, at + chunk) },
      effects: ["push"],
    }),
    unreadable: fail,
    acked: stay,
    rejected: stay,
    timeout: stay,
    dropped: joinAgain,
    closed,
    stop,
  },
  sending: {
    joined,
    refused: fail,
    read: stay,
    unreadable: stay,
    acked: (state: { end: number }, _event, sizes) => goOn(state.end, sizes),
    rejected: fail,
    timeout,
    dropped: joinAgain,
    closed,
    stop,
  },
  done: ENDED,
  failed: ENDED,
  stopped: ENDED,
};

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextTransfer(state: TransferState, event: TransferEvent, sizes: TransferSizes): TransferTransition {
  const cell = TABLE[state.status][event.type];
  return cell(state as never, event as never, sizes);
}
