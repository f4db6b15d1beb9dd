import type { Logger } from "../logger.js";
import type { User } from "../user.js";
import type { PubSub } from "./pubsub.js";

/** What a channel's code can know of the socket it runs on. */
export interface ConnectedSocket {
  /** The id that the connect hook gave this socket, for `disconnect(id)`; `null` when it gave none. */
  readonly id: string | null;
  /** Query parameters of the connect request, `vsn` and tokens included. */
  readonly params: Readonly<Record<string, string>>;
  /** Request headers, lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What the connect hook returned as the user; `undefined` without a hook. */
  readonly user: User;
  /** Bytes on their way to the client that it has not taken yet: what tells a slow client from a fast one. */
  unsentBytes(): number;
  /**
   * Calls `listener` once, later, when what waits now has been taken, or at least once some of it has; returns the
   * undo. Never called after the socket's end.
   */
  whenDrained(listener: () => void): () => void;
}

/** How an answer names its outcome: `ok` and `error` reach phoenix.js's hooks, others only `onMessage`. */
export type ReplyStatus = "ok" | "error" | (string & {});

/** What a handler returns to answer the message it handles. Made by {@link ok}, {@link error} or {@link reply}. */
export interface Reply {
  readonly kind: "reply";
  readonly status: ReplyStatus;
  /** JSON, or bytes for a binary reply. */
  readonly response: unknown;
}

/**
 * What a handler returns to end its channel. `normal` and `shutdown` send `phx_close`; `error` sends `phx_error`,
 * upon which phoenix.js rejoins. An answer is sent first when there is one.
 */
export interface Stop {
  readonly kind: "stop";
  readonly reason: "normal" | "shutdown" | "error";
  readonly reply?: Reply;
}

/** Answers the message that was being handled when it was taken; later calls, and those after the end, do nothing. */
export type DeferredReply = (status: ReplyStatus, response?: unknown) => void;

/** A joined channel as its code sees it. One per join; messages of one channel are handled one at a time. */
export interface ChannelContext<State = unknown> {
  readonly topic: string;
  readonly socket: ConnectedSocket;
  readonly logger: Logger;
  readonly pubsub: PubSub;
  /** The channel's own state: what `join` returned as `state`, and whatever handlers set since. */
  state: State;
  /** Aborted when the channel ends, for whatever reason. */
  readonly signal: AbortSignal;
  /** Sends an event to this client; bytes go as a binary frame. Does nothing once the channel has ended. */
  push(event: string, payload: unknown): void;
  /** Sends an event to every client of this topic, this one included. */
  broadcast(event: string, payload: unknown): void;
  /** Sends an event to every client of this topic but this one. */
  broadcastFrom(event: string, payload: unknown): void;
  /** Takes over the answer to the message being handled: it can come later, out of order, or never. */
  defer(): DeferredReply;
  /** Puts a message into this channel's mailbox, for `info`. When that is full the channel crashes. */
  send(message: unknown): void;
}

/** `undefined` sends no answer, as Phoenix's `:noreply`. */
export type HandlerResult = Reply | Stop | undefined | void;

/** The answer to a join: accepted with a state and a reply, or refused. */
export type JoinResult<State> =
  | { readonly kind: "joined"; readonly state: State; readonly response: unknown }
  | { readonly kind: "refused"; readonly response: unknown };

/** What a channel does, whatever its topic; `State` is what its join says. */
export interface ChannelCode<State = unknown> {
  /**
   * Decides on a join. Throwing refuses it with `{ reason: "join crashed" }`. Its context has no state yet; what it
   * pushes follows its answer.
   */
  join(ctx: ChannelContext, payload: unknown): JoinResult<State> | Promise<JoinResult<State>>;
  /** One function per event. An event that neither these nor `fallback` take crashes the channel, as in Phoenix. */
  readonly handlers?: Readonly<
    Record<string, (ctx: ChannelContext<State>, payload: unknown) => HandlerResult | Promise<HandlerResult>>
  >;
  /** Takes every event that has no handler; one that is no string, as its JSON. */
  fallback?(ctx: ChannelContext<State>, event: string, payload: unknown): HandlerResult | Promise<HandlerResult>;
  /** Events whose broadcasts pass through this channel's code before they reach its client (`handle_out`). */
  readonly intercept?: Readonly<
    Record<string, (ctx: ChannelContext<State>, payload: unknown) => HandlerResult | Promise<HandlerResult>>
  >;
  /** Takes what `ctx.send` put into the mailbox. */
  info?(ctx: ChannelContext<State>, message: unknown): HandlerResult | Promise<HandlerResult>;
  /**
   * Runs once when a joined channel has ended, after the handler that may be running. `reason` is `leave`, `normal` or
   * `shutdown` (it stopped itself), `duplicate_join`, `transport_closed`, `server_shutdown`, or what it crashed of.
   */
  terminate?(ctx: ChannelContext<State>, reason: unknown): void | Promise<void>;
}

/** The code of a topic or a family of topics, as Phoenix's `channel "room:*", RoomChannel`. */
export interface ChannelDefinition<State = unknown> extends ChannelCode<State> {
  /** A topic, or a prefix followed by `*`. */
  readonly topic: string;
}

/** Accepts a join with the channel's state and the reply's response (default `{}`). */
export function joined<State>(state: State, response: unknown = {}): JoinResult<State> {
  return { kind: "joined", state, response };
}

/** Refuses a join; `response` is what the client's `receive("error")` gets. */
export function refused(response: unknown): { readonly kind: "refused"; readonly response: unknown } {
  return { kind: "refused", response };
}

/** An `ok` answer with a response (default `{}`). */
export function ok(response: unknown = {}): Reply {
  return { kind: "reply", status: "ok", response };
}

/** An `error` answer. */
export function error(response: unknown): Reply {
  return { kind: "reply", status: "error", response };
}

/** An answer with a status of its own; phoenix.js has no hook for one that is neither `ok` nor `error`. */
export function reply(status: ReplyStatus, response: unknown = {}): Reply {
  return { kind: "reply", status, response };
}

/** Ends the channel, after an answer when one is given. */
export function stop(reason: Stop["reason"], answer?: Reply): Stop {
  return answer === undefined ? { kind: "stop", reason } : { kind: "stop", reason, reply: answer };
}

/** Defines a channel: `channel("room:*", { join, handlers, terminate })`. */
export function channel<State>(topic: string, code: ChannelCode<State>): ChannelDefinition {
  // Channels of different states go into one list. Safe: a channel's code sees no state but what its own join made.
  return { topic, ...code } as unknown as ChannelDefinition;
}
