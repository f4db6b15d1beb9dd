/** How a socket stands: what an app can show beside "reconnecting". */
export type SocketTransport = "idle" | "connecting" | "open" | "waiting" | "stopped";

/** Why a socket is not open, or was not the last time. */
export type SocketReason =
  /** The app closed it. */
  | { readonly kind: "disconnected" }
  /** The transport closed, or could not be opened (1006). */
  | { readonly kind: "closed"; readonly closeCode: number; readonly text: string }
  /** phoenix.js gave the transport up: its heartbeat got no answer. */
  | { readonly kind: "lost" }
  /** Our own probe got no answer. */
  | { readonly kind: "probe_unanswered" }
  /** The token function failed; the error went to the logger. */
  | { readonly kind: "token_failed" }
  /** The transport could not be made; the error went to the logger. */
  | { readonly kind: "transport_failed" }
  /** The transport did not open in time. */
  | { readonly kind: "open_timeout" }
  /** The server asked to be connected to elsewhere, at `url` as it gave it (protocol.md section 2, join errors). */
  | { readonly kind: "moved"; readonly url: string };

/** A socket's standing, immutable. Times are milliseconds since 1970 (on an injected clock: its own). */
export interface SocketDetail {
  readonly transport: SocketTransport;
  /** When the next attempt is due; `null` while none is, as while the page is hidden. */
  readonly nextRetryAt: number | null;
  /** `null` before anything went wrong, and once it is open. */
  readonly reason: SocketReason | null;
  /** When `transport` became what it is. */
  readonly since: number;
}
