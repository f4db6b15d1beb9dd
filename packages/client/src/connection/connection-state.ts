/**
 * The life of a connection, pure (protocol.md section 2, "Joins").
 *
 *   joining ── join_ok ──▶ joined ── lost, join_refused ──▶ rejoining ── join_ok ──▶ joined
 *      │ channel_closed       └── channel_closed ──▶ reopening ── due ──▶ rejoining
 *      ▼
 *   retrying ── due ──▶ joining
 *
 *   release, stopped, from anywhere, and join_refused from joining ──▶ closed (terminal)
 *
 * phoenix.js owns the socket and the rejoins of one channel object; this machine owns when a new channel object is
 * needed, when waits end, and when it is over for good. It knows no socket and no clock.
 */
export type ConnectionState =
  /** The first join has not been answered. */
  | "joining"
  /** As `joining`, but the server closed the channel, which is final in phoenix.js; a new one follows a back-off. */
  | "retrying"
  | "joined"
  /** Joined before; phoenix.js is rejoining or waits to. */
  | "rejoining"
  /** As `rejoining`, but the server closed the channel. */
  | "reopening"
  /** The last holder left, the server refused the first join, or it closed the socket for good. */
  | "closed";

export type ConnectionEvent =
  /** phoenix.js's join push got `ok`; each one begins a new join. */
  | "join_ok"
  | "join_refused"
  /** The channel errored: the transport dropped, or the server's side of the channel crashed. */
  | "lost"
  /** `phx_close` that this client did not ask for. */
  | "channel_closed"
  /** The back-off is over. */
  | "due"
  /** The socket will not come back by itself. */
  | "stopped"
  | "release";

/** What the driver has to do, in order. */
export type ConnectionEffect =
  /** Every wait of the older join ends; what is held for it goes. */
  | "end_join"
  /** Roots are mounted again. */
  | "begin_join"
  /** A new channel object is made. */
  | "open"
  /** The back-off starts. */
  | "wait"
  /** A refused rejoin is reported; phoenix.js tries again. */
  | "report"
  /** The channel is left, a back-off ends, and everything that waits is settled. */
  | "close";

export type ConnectionTransition = readonly [ConnectionState, ...ConnectionEffect[]];

type Row = Readonly<Partial<Record<ConnectionEvent, ConnectionTransition>>>;

const CLOSE: ConnectionTransition = ["closed", "close"];
const closes: Row = { stopped: CLOSE, release: CLOSE };

/** What is not named stays as it is. */
const TABLE: Readonly<Record<ConnectionState, Row>> = {
  joining: { ...closes, join_ok: ["joined", "begin_join"], join_refused: CLOSE, channel_closed: ["retrying", "wait"] },
  retrying: { ...closes, due: ["joining", "open"] },
  joined: {
    // phoenix.js can rejoin without telling of a loss first: the older join is over all the same.
    join_ok: ["joined", "end_join", "begin_join"],
    join_refused: ["rejoining", "end_join", "report"],
    lost: ["rejoining", "end_join"],
    channel_closed: ["reopening", "end_join", "wait"],
    stopped: ["closed", "end_join", "close"],
    release: ["closed", "end_join", "close"],
  },
  rejoining: {
    ...closes,
    join_ok: ["joined", "begin_join"],
    join_refused: ["rejoining", "report"],
    channel_closed: ["reopening", "wait"],
  },
  reopening: { ...closes, due: ["rejoining", "open"] },
  closed: {},
};

/** The state after `event`, and what the driver has to do. Total: every state takes every event. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionTransition {
  return TABLE[state][event] ?? [state];
}
