import type { Payload } from "../payload.js";

/** What is measured, under the name that rows have for it. */
export type SubjectName = "raw-tcp" | "ws" | "ours" | "socket.io" | "colyseus" | "stores";

/** The server of a subject, in a process of its own. */
export interface ServerSide {
  /** Where its clients connect, on 127.0.0.1. */
  readonly port: number;
  /** Sends one message to every client; roots have no such thing. */
  broadcast?(payload: Payload): void;
  /** Sends a message to one client, by a number below that of clients; to stores, of roots. */
  push(to: number, payload: Payload): void;
}

/** What a client sends, and how many messages of the server it awaits before it goes on. */
export interface Step {
  readonly send?: string | Uint8Array;
  readonly awaited: number;
}

/** How a bare socket becomes a client of a subject. */
export interface ClientSide {
  /** The path to ask a WebSocket of; `null`: none, what comes is frames from the first byte on. */
  path(port: number): string | null | Promise<string>;
  /** What belongs to being connected: an idle socket has done this. */
  hello(): readonly Step[];
  /** What an idle socket still has to do to get messages; `roots` are those that it is to mount. */
  join(roots: readonly number[]): readonly Step[];
}
