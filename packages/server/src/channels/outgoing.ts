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
  /** What an error reply is counted as. */
  readonly refusal?: string;
  /** Room for a transport's own form of it, made by the first socket that sends it. */
  wire?: Uint8Array;
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
  const counted = status === "error" ? { refusal: refusalName(response) } : {};
  if (response instanceof Uint8Array && typeof topic === "string") {
    return { ...counted, data: encodeBinaryReply(toBinaryRef(joinRef), toBinaryRef(ref), topic, status, response) };
  }
  const payload = { status, response: response === undefined ? {} : response };
  return { ...counted, data: encodeTextFrame({ joinRef, ref, topic, event: PHX_REPLY, payload }) };
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
    return { data: encodeBinaryServerPush(toBinaryRef(joinRef), topic, event, payload) };
  }
  return { data: encodeTextFrame({ joinRef, ref, topic, event, payload }) };
}

/** An event for every client of a topic: it has no refs, so that one encoding serves all. */
export function broadcastMessage(topic: string, event: string, payload: unknown): Outgoing {
  if (payload instanceof Uint8Array) return { data: encodeBinaryBroadcast(topic, event, payload) };
  return { data: encodeTextFrame({ joinRef: null, ref: null, topic, event, payload }) };
}
