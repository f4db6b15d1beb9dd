import type { UploadError } from "@musubi/protocol";

/**
 * One file of an upload slot, as a pure machine (protocol.md section 6).
 *
 *   waiting ─ joined ▶ joined ─ chunk ▶ writing ─ written ▶ joined … ▶ complete ─ consumed ▶ consumed
 *      ▲                  └─ dropped ─┐    └─ dropped, written ─┐
 *      └──────────────────────────────┴─────────────────────────┘   with what has arrived: a later join goes on
 *   elsewhere ─ reported ▶ … ▶ complete
 *   timeout, unwritable, chunks that are too large, report_failed ▶ failed
 *   cancel ▶ cancelled
 *
 * It knows no channel, no file and no clock: the driver is `entry.ts`.
 */
export type EntryState =
  /** No channel holds it. */
  | { readonly status: "waiting"; readonly received: number }
  /** Its channel is open: the next chunk is due. */
  | { readonly status: "joined"; readonly received: number }
  /** `bytes` more are being written. `joined`: the channel that brought them, or a later one, is open. */
  | { readonly status: "writing"; readonly received: number; readonly bytes: number; readonly joined: boolean }
  /** Its client sends it elsewhere, and says how far it has come, in percent. */
  | { readonly status: "elsewhere"; readonly progress: number }
  /** All of it is there, until it is consumed. */
  | { readonly status: "complete" }
  | { readonly status: "failed"; readonly error: UploadError }
  | { readonly status: "cancelled" }
  | { readonly status: "consumed" };

export type EntryEvent =
  /** A channel with a good token has joined, in the place of the former one. */
  | { readonly type: "joined" }
  /** The channel brought so many bytes. */
  | { readonly type: "chunk"; readonly bytes: number }
  | { readonly type: "written" }
  | { readonly type: "unwritable" }
  /** The channel has ended. */
  | { readonly type: "dropped" }
  /** What was waited for has not come in time. */
  | { readonly type: "timeout" }
  /** The client of an external slot says how far it has come. */
  | { readonly type: "reported"; readonly progress: number }
  | { readonly type: "report_failed"; readonly error: UploadError }
  /** A message that consumed it has succeeded. */
  | { readonly type: "consumed" }
  /** The client or the store does not want it any more, or its store has ended. */
  | { readonly type: "cancel" };

/** What the driver has to do, in this order. */
export type EntryEffect =
  /** Wait for a join, or a report, no longer than a token lives. */
  | "await_join"
  /** Wait for a chunk, no longer than the slot says. */
  | "await_chunk"
  /** Wait for nothing. */
  | "stop_waiting"
  /** Write the chunk. */
  | "write"
  /** Let go of the open file. */
  | "close_file"
  /** Tell the client how far it has come; soon is soon enough. */
  | "tell_progress"
  /** Tell the client how it ended. */
  | "tell_end"
  /** Nothing is left of it: its file, its place in the bounds, its channel. */
  | "discard";

/** What an entry may be, in bytes. */
export interface EntrySizes {
  readonly size: number;
  readonly chunk: number;
}

export interface EntryTransition {
  readonly state: EntryState;
  readonly effects: readonly EntryEffect[];
}

type Cell = (state: never, event: never, sizes: EntrySizes) => EntryTransition;
type Row = Readonly<Record<EntryEvent["type"], Cell>>;
type Writing = EntryState & { readonly status: "writing" };
type Received = { readonly received: number };

const stay: Cell = (state: EntryState) => ({ state, effects: [] });
const fail = (code: string, message: string): EntryTransition => ({
  state: { status: "failed", error: { code, message } },
  effects: ["stop_waiting", "tell_end", "discard"],
});
const complete: EntryTransition = {
  state: { status: "complete" },
  effects: ["stop_waiting", "close_file", "tell_end"],
};
const timeout: Cell = () => fail("chunk_timeout", "Nothing of it came in time.");
const cancel: Cell = () => ({ state: { status: "cancelled" }, effects: ["stop_waiting", "discard"] });

const joined: Cell = ({ received }: Received, _event, { size }) =>
  received === size ? complete : { state: { status: "joined", received }, effects: ["await_chunk"] };

const chunk: Cell = (state: EntryState & Received, { bytes }: { readonly bytes: number }, sizes) => {
  const { received } = state;
  // No bytes are no sign of life either.
  if (bytes === 0) return { state, effects: [] };
  if (bytes > sizes.chunk) return fail("chunk_too_large", `A chunk has ${sizes.chunk} bytes at most.`);
  if (received + bytes > sizes.size) return fail("too_large", "It is larger than it was announced.");
  return { state: { status: "writing", received, bytes, joined: true }, effects: ["stop_waiting", "write"] };
};

const written: Cell = (state: Writing, _event, { size }) => {
  const received = state.received + state.bytes;
  if (received === size) return complete;
  return state.joined
    ? { state: { status: "joined", received }, effects: ["await_chunk", "tell_progress"] }
    : { state: { status: "waiting", received }, effects: ["await_join", "close_file", "tell_progress"] };
};

const reported: Cell = (state: { readonly progress: number }, event: { readonly progress: number }) => {
  if (event.progress >= 100) return complete;
  const progress = Math.max(state.progress, event.progress);
  return { state: { status: "elsewhere", progress }, effects: ["await_join", "tell_progress"] };
};

const ENDED: Row = {
  joined: stay,
  chunk: stay,
  written: stay,
  unwritable: stay,
  dropped: stay,
  timeout: stay,
  reported: stay,
  report_failed: stay,
  consumed: stay,
  cancel: stay,
};

const TABLE: Readonly<Record<EntryState["status"], Row>> = {
  waiting: { ...ENDED, joined, timeout, cancel },
  joined: {
    ...ENDED,
    joined,
    chunk,
    dropped: ({ received }: Received) => ({
      state: { status: "waiting", received },
      effects: ["await_join", "close_file"],
    }),
    timeout,
    cancel,
  },
  writing: {
    ...ENDED,
    joined: (state: Writing) => ({ state: { ...state, joined: true }, effects: [] }),
    written,
    unwritable: () => fail("internal", "It could not be kept."),
    dropped: (state: Writing) => ({ state: { ...state, joined: false }, effects: [] }),
    cancel,
  },
  elsewhere: {
    ...ENDED,
    timeout,
    reported,
    report_failed: (_state, { error }: { readonly error: UploadError }) => ({
      state: { status: "failed", error },
      effects: ["stop_waiting", "tell_end", "discard"],
    }),
    cancel,
  },
  complete: { ...ENDED, consumed: () => ({ state: { status: "consumed" }, effects: ["discard"] }), cancel },
  failed: ENDED,
  cancelled: ENDED,
  consumed: ENDED,
};

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextEntry(state: EntryState, event: EntryEvent, sizes: EntrySizes): EntryTransition {
  const cell = TABLE[state.status][event.type];
  // The table pairs each cell with the state and the event that it is written for.
  return cell(state as never, event as never, sizes);
}

/** Whole percent of what has arrived; 100 only once all of it has. */
export function progressOf(state: EntryState, size: number): number {
  switch (state.status) {
    case "waiting":
    case "joined":
    case "writing":
      return Math.floor((state.received * 100) / Math.max(1, size));
    case "elsewhere":
      return state.progress;
    case "complete":
    case "consumed":
      return 100;
    case "failed":
    case "cancelled":
      return 0;
    default:
      return state satisfies never;
  }
}
