/**
 * The life of a connection, pure (protocol.md section 2, "Joins").
 *
 *   joining ── join_ok ──▶ joined ── lost, join_refused ──▶ joining
 *      └─ channel_closed ─▶ retrying ◀─ channel_closed ─┘       retrying ── due ──▶ joining
 *   release, stopped, from anywhere ──▶ closed (terminal)
 *
 * phoenix.js owns the socket and the rejoins of one channel object; this machine owns when a new channel object is
 * needed, when waits end, and when it is over for good. It knows no socket and no clock: the driver does what the state
 * that it enters stands for, and ends the join when it leaves `joined`.
 */
export type ConnectionState =
  /** phoenix.js is joining, or waits to. */
  | "joining"
  | "joined"
  /** The server closed the channel, which is final in phoenix.js; a new one follows a back-off. */
  | "retrying"
  /** The last holder left, the server refused the first join, or it closed the socket for good. */
  | "closed";

/** How a join ends, or an attempt at one. */
export type JoinEnd =
  /** An error reply; phoenix.js tries again. */
  | "join_refused"
  /** The transport dropped, the server's side of the channel crashed, or no answer came in time. */
  | "lost"
  /** `phx_close` that this client did not ask for. */
  | "channel_closed";

export type ConnectionEvent =
  | JoinEnd
  /** phoenix.js's join push got `ok`. */
  | "join_ok"
  /** The back-off is over. */
  | "due"
  /** It cannot come back by itself: the socket will not, or its first join was refused. */
  | "stopped"
  | "release";

type Row = Readonly<Partial<Record<ConnectionEvent, ConnectionState>>>;

const ends: Row = { stopped: "closed", release: "closed" };

/** What is not named stays as it is. */
const TABLE: Readonly<Record<ConnectionState, Row>> = {
  joining: { ...ends, join_ok: "joined", channel_closed: "retrying" },
  joined: { ...ends, join_refused: "joining", lost: "joining", channel_closed: "retrying" },
  retrying: { ...ends, due: "joining" },
  closed: {},
};

/** The state after `event`. Total: every state takes every event. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  return TABLE[state][event] ?? state;
}
