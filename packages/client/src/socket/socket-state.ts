import type { PageEvent } from "./page.js";
import type { SocketTransport } from "./socket-detail.js";

/**
 * The life of a socket that keeps itself connected, pure: it knows no phoenix.js and no clock.
 *
 *   idle ─ connect ▶ authorizing ─ authorized ▶ opening ─ opened ▶ open ─ page_shown, nudged ▶ probing
 *                        ▲   ▲                     │                ▲ └──── opened ◀──────────┘  │
 *              retry_due │   └───── page_shown     │ failed, closed └ closed                     │ failed
 *                     waiting ── page_hidden ▶ hidden                                            ▼
 *                        ▲──────────────────────── failed, closed ───────                   authorizing
 *
 *   closed_finally: from a transport to `stopped`, which only a `connect` of the app leaves.
 *   moved: from an open transport to `authorizing`, for a transport to another address.
 *   disconnect: from anywhere to `idle`.
 *
 * Its driver owns what each state needs (a token, a transport, a timer) and ends it when the state is left.
 */
export type SocketState =
  /** Nobody asked for a connection. */
  | "idle"
  /** Waits for the app's token. */
  | "authorizing"
  /** The transport is connecting. */
  | "opening"
  | "open"
  /** Open as far as anybody knows; a heartbeat finds out. */
  | "probing"
  /** Waits to try again. */
  | "waiting"
  /** Would try again, but nobody sees the page. */
  | "hidden"
  /** The server said not to come back. */
  | "stopped";

export type SocketEvent =
  /** The app, or phoenix.js on its behalf, wants a connection. */
  | "connect"
  | "disconnect"
  | "authorized"
  /** No token, no transport, or no answer of the transport or to a probe in time. */
  | "failed"
  /** The transport is open: it says so, or has answered a probe. */
  | "opened"
  /** The transport is gone. */
  | "closed"
  /** The transport is gone, with a close code that says not to come back. */
  | "closed_finally"
  | "retry_due"
  /** The server it is connected to says that it has moved. */
  | "moved"
  /** Also: something happened after which a connection may be dead, as when the clock jumped. */
  | PageEvent;

/** What is not named stays as it is, but for `disconnect`. */
const TABLE: Readonly<Record<SocketState, Readonly<Partial<Record<SocketEvent, SocketState>>>>> = {
  idle: { connect: "authorizing" },
  authorizing: { authorized: "opening", failed: "waiting" },
  opening: {
    opened: "open",
    failed: "waiting",
    closed: "waiting",
    closed_finally: "stopped",
    // A handshake that was on its way when the network changed can hang for minutes.
    page_shown: "authorizing",
    nudged: "authorizing",
  },
  open: {
    closed: "waiting",
    closed_finally: "stopped",
    moved: "authorizing",
    page_shown: "probing",
    nudged: "probing",
  },
  probing: {
    closed: "waiting",
    closed_finally: "stopped",
    moved: "authorizing",
    opened: "open",
    failed: "authorizing",
  },
  waiting: { retry_due: "authorizing", page_hidden: "hidden", page_shown: "authorizing", nudged: "authorizing" },
  hidden: { page_shown: "authorizing" },
  stopped: { connect: "authorizing" },
};

/** The state after `event`. Total: every state takes every event, and a `disconnect` always ends it. */
export function nextSocketState(state: SocketState, event: SocketEvent): SocketState {
  return event === "disconnect" ? "idle" : (TABLE[state][event] ?? state);
}

/** How a state shows from outside. */
export function transportOf(state: SocketState): SocketTransport {
  switch (state) {
    case "authorizing":
    case "opening":
      return "connecting";
    case "probing":
      return "open";
    case "hidden":
      return "waiting";
    default:
      return state;
  }
}

/** Whether a transport exists in this state; leaving it for one without closes the transport. */
export function hasTransport(state: SocketState): boolean {
  return state === "opening" || transportOf(state) === "open";
}

/** Whether the socket means to be connected, sooner or later. */
export function isWanted(state: SocketState): boolean {
  return state !== "idle" && state !== "stopped";
}
