/**
 * The life of a connection channel, pure (protocol.md section 2, "Joins").
 *
 *   joining ── join_ok ──▶ joined ── lost ──▶ rejoining ── join_ok ──▶ joined
 *      │                      └─ channel_closed ─▶ reopening ─ reopen_due ─▶ rejoining
 *      └─ join_refused ─▶ refused (terminal)          release, from anywhere ─▶ closed (terminal)
 *
 * phoenix.js owns the socket and the rejoins of one channel object; this machine owns when a new channel object is
 * needed, when waits end, and when the first join has failed for good. It knows no socket and no clock.
 */
export type ConnectionState =
  /** The first join has not been answered. */
  | { readonly status: "joining" }
  | { readonly status: "joined" }
  /** Joined before; phoenix.js is rejoining or waits to. */
  | { readonly status: "rejoining" }
  /** The server closed the channel, which is final in phoenix.js; a new channel object follows after a back-off. */
  | { readonly status: "reopening"; readonly everJoined: boolean }
  /** The first join got an error reply. */
  | { readonly status: "refused" }
  /** The last holder left. */
  | { readonly status: "closed" };

export type ConnectionEvent =
  /** phoenix.js's join push got `ok`; each one begins a new join. */
  | { readonly type: "join_ok" }
  | { readonly type: "join_refused" }
  /** The channel errored: the transport dropped, or the server's side of the channel crashed. */
  | { readonly type: "lost" }
  /** `phx_close` that this client did not ask for. */
  | { readonly type: "channel_closed" }
  | { readonly type: "reopen_due" }
  | { readonly type: "release" };

/** What the driver has to do, in order. */
export type ConnectionEffect =
  /** Every wait of the older join ends; what is held for it goes. */
  | "end_join"
  /** Roots are mounted again. */
  | "begin_join"
  | "open_channel"
  | "leave_channel"
  | "schedule_reopen"
  | "cancel_reopen"
  /** `ready` rejects. */
  | "reject_ready"
  /** A refused rejoin is reported; phoenix.js tries again. */
  | "report_refusal";

export interface ConnectionTransition {
  readonly state: ConnectionState;
  readonly effects: readonly ConnectionEffect[];
}

type Cell = (state: ConnectionState) => ConnectionTransition;
type Table = Readonly<Record<ConnectionState["status"], Readonly<Record<ConnectionEvent["type"], Cell>>>>;

const JOINED: ConnectionState = { status: "joined" };
const REJOINING: ConnectionState = { status: "rejoining" };

const stay: Cell = (state) => ({ state, effects: [] });
const to =
  (state: ConnectionState, ...effects: ConnectionEffect[]): Cell =>
  () => ({ state, effects });

const TABLE: Table = {
  joining: {
    join_ok: to(JOINED, "begin_join"),
    join_refused: to({ status: "refused" }, "leave_channel", "reject_ready"),
    lost: stay,
    channel_closed: to({ status: "reopening", everJoined: false }, "schedule_reopen"),
    reopen_due: stay,
    release: to({ status: "closed" }, "leave_channel"),
  },
  joined: {
    // phoenix.js can rejoin without telling of a loss first: the older join is over all the same.
    join_ok: to(JOINED, "end_join", "begin_join"),
    join_refused: to(REJOINING, "end_join", "report_refusal"),
    lost: to(REJOINING, "end_join"),
    channel_closed: to({ status: "reopening", everJoined: true }, "end_join", "schedule_reopen"),
    reopen_due: stay,
    release: to({ status: "closed" }, "end_join", "leave_channel"),
  },
  rejoining: {
    join_ok: to(JOINED, "begin_join"),
    join_refused: to(REJOINING, "report_refusal"),
    lost: stay,
    channel_closed: to({ status: "reopening", everJoined: true }, "schedule_reopen"),
    reopen_due: stay,
    release: to({ status: "closed" }, "leave_channel"),
  },
  reopening: {
    join_ok: stay,
    join_refused: stay,
    lost: stay,
    channel_closed: stay,
    reopen_due: (state) => ({
      state: state.status === "reopening" && !state.everJoined ? { status: "joining" } : REJOINING,
      effects: ["open_channel"],
    }),
    release: to({ status: "closed" }, "cancel_reopen"),
  },
  refused: {
    join_ok: stay,
    join_refused: stay,
    lost: stay,
    channel_closed: stay,
    reopen_due: stay,
    release: to({ status: "closed" }),
  },
  closed: {
    join_ok: stay,
    join_refused: stay,
    lost: stay,
    channel_closed: stay,
    reopen_due: stay,
    release: stay,
  },
};

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionTransition {
  return TABLE[state.status][event.type](state);
}
