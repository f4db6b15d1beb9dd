import type { JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";

/**
 * One message of Phoenix Channels, serializer 2.0.0 (protocol.md section 1).
 *
 * A well-behaved peer sends strings or `null` as refs and strings as topic and event. What it really sent is kept as
 * it was: a server answers any JSON value in their place with an error that echoes it (FRAMES.md, "Malformed input").
 */
export interface Frame<Payload = unknown> {
  /** The ref of the join that this message belongs to; `null` for the socket's own messages and for broadcasts. */
  readonly joinRef: JsonValue;
  /** What an answer repeats; `null` when none is wanted. */
  readonly ref: JsonValue;
  readonly topic: JsonValue;
  readonly event: JsonValue;
  /** JSON, or the raw bytes of a binary frame. */
  readonly payload: Payload;
}

/**
 * Reads a text frame, `[join_ref, ref, topic, event, payload]`; elements past the fifth are ignored.
 *
 * Throws `malformed_frame` for anything that is no JSON array of at least five elements; Phoenix closes the socket
 * with 1011 upon one.
 */
export function decodeTextFrame(text: string): Frame<JsonValue> {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (cause) {
    throw new MusubiError("malformed_frame", "a text frame is not JSON: send a Phoenix V2 message", { cause });
  }
  if (!Array.isArray(message) || message.length < 5) {
    throw new MusubiError("malformed_frame", "a text frame is no array of five: send a Phoenix V2 message");
  }
  const [joinRef, ref, topic, event, payload] = message as [JsonValue, JsonValue, JsonValue, JsonValue, JsonValue];
  return { joinRef, ref, topic, event, payload };
}

/**
 * Writes a text frame. A payload of `undefined` travels as `{}`.
 *
 * Throws what `JSON.stringify` throws for a payload it cannot write: a cycle, a BigInt.
 */
export function encodeTextFrame(frame: Frame): string {
  const payload = frame.payload === undefined ? {} : frame.payload;
  return JSON.stringify([frame.joinRef, frame.ref, frame.topic, frame.event, payload]);
}
