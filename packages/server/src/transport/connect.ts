import type { User, WithUser } from "../user.js";

/** What a `connect` hook can judge a client by. */
export interface ConnectRequest {
  /** Query parameters, `vsn` included. */
  readonly params: Readonly<Record<string, string>>;
  /** Request headers, lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** phoenix.js's `authToken`, which travels in a header and so stays out of URLs and logs; `null` without one. */
  readonly authToken: string | null;
  readonly remoteAddress: string | undefined;
  /** Aborted when the client goes away or takes too long before there is an answer. */
  readonly signal: AbortSignal;
}

/**
 * What a `connect` hook knows of a client that it lets in. The `user`, which is the {@link User} that is registered, is
 * handed to stores as `ctx.user` and to channels as `ctx.socket.user`.
 */
export type ConnectAccepted = WithUser & {
  /** Names this socket, and any other of the same id, for `disconnect(id)`. */
  readonly id?: string | null;
};

/** `false` refuses: the client gets 403 and no reason. A hook that throws or rejects gives it 500. */
export type ConnectResult = ConnectAccepted | false;

/** Decides who may connect, before the upgrade. */
export type ConnectHook = (request: ConnectRequest) => ConnectResult | Promise<ConnectResult>;

/** Without the hook clients have no user: it has to be there where one is registered that may not be `undefined`. */
export type WithConnect = undefined extends User ? object : { readonly connect: ConnectHook };
