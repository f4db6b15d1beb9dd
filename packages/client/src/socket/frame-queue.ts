import { type Clock, isObject, PHX_JOIN, PHX_LEAVE } from "@musubi/protocol";
import type { Logger } from "../logger.js";
import type { Unsubscribe } from "../observable.js";
import { after } from "./after.js";
import type { LastingBackoff } from "./lasting-backoff.js";
import type { Encode, PhoenixMessage, PhoenixSocket, Replaceable } from "./phoenix-socket.js";
import type { ReadToken } from "./token-source.js";

type Frame = Parameters<Encode>;

/** A join that waits for its token. */
interface PendingJoin {
  readonly ref: string | null | undefined;
  /** Later frames of its topic. */
  readonly later: Frame[];
  stop: Unsubscribe;
}

/**
 * Sends a socket's frames from here on: every `phx_join` gets a fresh token on its way out, and no later frame of its
 * topic overtakes it. Other topics do not wait; the heartbeat never does. A token that fails is asked for again, with
 * back-off, for as long as its join is wanted: a newer join of the topic, its leave, or the end of the transport drop it.
 *
 * Returns what drops all that waits: for when the transport is gone, since phoenix.js joins again on the next.
 */
export function queueFrames(
  socket: Replaceable & Pick<PhoenixSocket, "isConnected">,
  readToken: ReadToken,
  createBackoff: () => LastingBackoff,
  clock: Clock,
  logger: Logger,
): () => void {
  const encode = socket.encode.bind(socket);
  const joins = new Map<string, PendingJoin>();

  const drop = (topic: string): void => {
    joins.get(topic)?.stop();
    joins.delete(topic);
  };
  const send = (message: PhoenixMessage, callback: Frame[1]): void => {
    // phoenix.js 1.7 would write into whatever transport is there by now.
    if (!socket.isConnected()) return;
    try {
      encode(message, callback);
    } catch (cause) {
      logger.error(`A ${message.event} of ${message.topic} could not be sent.`, cause);
    }
  };
  const join = (message: PhoenixMessage, callback: Frame[1]): void => {
    const { topic } = message;
    const backoff = createBackoff();
    const pending: PendingJoin = { ref: message.join_ref, later: [], stop: () => {} };
    const ask = (): void => {
      let isSettled = false;
      const stop = readToken(
        (token) => {
          isSettled = true;
          joins.delete(topic);
          send(withToken(message, token), callback);
          for (const frame of pending.later) send(...frame);
        },
        (error) => {
          isSettled = true;
          pending.stop = after(clock, backoff.nextMs(), ask);
          logger.error(`No token for the join of ${topic}; it is asked for again.`, error);
        },
      );
      if (!isSettled) pending.stop = stop;
    };
    drop(topic);
    joins.set(topic, pending);
    ask();
  };

  socket.encode = (...frame) => {
    const [{ topic, event, join_ref }] = frame;
    const pending = joins.get(topic);
    if (event === PHX_JOIN) join(...frame);
    else if (pending === undefined) encode(...frame);
    // The server has never heard of this join, so there is nothing to leave.
    else if (event === PHX_LEAVE && join_ref === pending.ref) drop(topic);
    else pending.later.push(frame);
  };
  return () => {
    for (const topic of joins.keys()) drop(topic);
  };
}

/** A join that brings a `token` of its own, as an upload's does, keeps it. */
function withToken(message: PhoenixMessage, token: string | undefined): PhoenixMessage {
  const { payload } = message;
  if (token === undefined || !isObject(payload)) return message;
  return { ...message, payload: { token, ...payload } };
}
