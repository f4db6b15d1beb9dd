import type { Observable } from "../observable.js";
import type { SocketReason, SocketTransport } from "../socket/socket-detail.js";

/** What a connection shows: see client.md rule 2. */
export type ConnectionStatus = "connecting" | "ready" | "reconnecting" | "closed";

/** Why a connection is not ready: its socket's own reason, or one of its channel. */
export type ConnectionReason =
  | SocketReason
  /** The server refused the join with this answer; a rejoin is tried again. */
  | { readonly kind: "join_refused"; readonly details: unknown }
  /** No answer to the join in time; it is tried again. */
  | { readonly kind: "join_timeout" }
  /** The server's side of the channel crashed (`phx_error`); it is rejoined. */
  | { readonly kind: "channel_crashed" }
  /** The server closed the channel (`phx_close`); another one is opened. */
  | { readonly kind: "channel_closed" }
  /** Code for `channel-per-root`, which is loaded when it is needed, could not be; it is tried again. */
  | { readonly kind: "not_loaded" };

/** A connection's standing, immutable. Times are milliseconds since 1970 (on an injected clock: its own). */
export interface ConnectionDetail {
  readonly status: ConnectionStatus;
  /** The socket's; one that `createSocket` did not make is `open` or `connecting`. Stands still once closed. */
  readonly transport: SocketTransport;
  /** The id of the session that the server keeps; another one after a rejoin means that nothing was resumed. */
  readonly session: string | null;
  /** When `status` became what it is. */
  readonly since: number;
  /** Why it is not ready; `null` when it is, and before anything went wrong. */
  readonly reason: ConnectionReason | null;
  /**
   * When it is next tried to connect: by the socket, which only `createSocket`'s say, and not while the page is hidden;
   * or to open a channel that the server closed. Else `null`, as while it is being tried.
   */
  readonly nextRetryAt: number | null;
}

/** The `status` of a detail, which changes less often than the rest. */
export function observeStatus(detail: Observable<ConnectionDetail>): Observable<ConnectionStatus> {
  return {
    get current() {
      return detail.current.status;
    },
    subscribe(listener) {
      let last = detail.current.status;
      return detail.subscribe(() => {
        const { status } = detail.current;
        if (status === last) return;
        last = status;
        listener();
      });
    },
  };
}
