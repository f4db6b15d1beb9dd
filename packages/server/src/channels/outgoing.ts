import {
  encodeBinaryBroadcast,
  encodeBinaryReply,
  encodeBinaryServerPush,
  encodeTextFrame,
  type JsonValue,
  PHX_REPLY,
  toBinaryRef,
} from "@musubi/protocol";
import { refusalName } from "./traffic.js";

/** A message on its way to clients: encoded once, however many sockets it goes to. */
export interface Outgoing {
  /** A text frame, or the bytes of a binary one. */
  readonly data: string | Uint8Array;
  /** A text frame that begins like others is this, `body` and `]`: pieces that may be quicker to encode than `data`. */
  readonly head?: string | undefined;
  readonly body?: string | undefined;
  /** What an error reply is counted as. */
  readonly refusal?: string | undefined;
  /** Room for a transport's own form of it, made by the first socket that sends it. */
  wire?: Uint8Array | undefined;
}

// All of one shape, as those of `PushEncoder`, since every message that is sent passes the code that reads them.
function outgoing(data: string | Uint8Array, refusal?: string): Outgoing {
  return { data, head: undefined, body: undefined, refusal, wire: undefined };
}

/**
 * The answer to a push or a join: binary when `response` is bytes, text otherwise.
 *
 * Like its two siblings below it throws for a payload that cannot be encoded: a cycle, a BigInt, a binary message
 * whose topic, event or ref is longer than 255 bytes.
 */
export function replyMessage(
  joinRef: JsonValue,
  ref: JsonValue,
  topic: JsonValue,
  status: string,
  response: unknown,
): Outgoing {
  const refusal = status === "error" ? refusalName(response) : undefined;
  if (response instanceof Uint8Array && typeof topic === "string") {
    return outgoing(encodeBinaryReply(toBinaryRef(joinRef), toBinaryRef(ref), topic, status, response), refusal);
  }
  const payload = { status, response: response === undefined ? {} : response };
  return outgoing(encodeTextFrame({ joinRef, ref, topic, event: PHX_REPLY, payload }), refusal);
}

/** An event for one client; `phx_close` and `phx_error` pass their join ref as `ref`, pushes have none. */
export function pushMessage(
  joinRef: JsonValue,
  topic: string,
  event: string,
  payload: unknown,
  ref: JsonValue = null,
): Outgoing {
  if (payload instanceof Uint8Array) {
    return outgoing(encodeBinaryServerPush(toBinaryRef(joinRef), topic, event, payload));
  }
  return outgoing(encodeTextFrame({ joinRef, ref, topic, event, payload }));
}

/** An event for every client of a topic: it has no refs, so that one encoding serves all. */
export function broadcastMessage(topic: string, event: string, payload: unknown): Outgoing {
  if (payload instanceof Uint8Array) return outgoing(encodeBinaryBroadcast(topic, event, payload));
  return outgoing(encodeTextFrame({ joinRef: null, ref: null, topic, event, payload }));
}
