import { PHX_REPLY } from "./events.js";
import type { Frame } from "./frame.js";
import type { JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";
import { decodeUtf8, encodeUtf8 } from "./utf8.js";

/**
 * Binary frames of Phoenix V2 (FRAMES.md, "Binary messages"). Every length is one byte and counts UTF-8 bytes:
 *
 *     client push  00 | jr_len ref_len topic_len event_len  | jr ref topic event  | data
 *     server push  00 | jr_len topic_len event_len          | jr topic event      | data
 *     reply        01 | jr_len ref_len topic_len status_len | jr ref topic status | data
 *     broadcast    02 | topic_len event_len                 | topic event         | data
 */
const KIND_PUSH = 0;
const KIND_REPLY = 1;
const KIND_BROADCAST = 2;

/** Longest field of a binary header, in UTF-8 bytes. */
const MAX_FIELD_BYTES = 255;

/** A ref as a binary header can hold it: `null` travels as the empty string, a number as its digits. */
export type BinaryRef = string | number | null;

/** Writes a push from client to server. Throws `malformed_frame` when a field is longer than 255 bytes. */
export function encodeBinaryPush(
  joinRef: BinaryRef,
  ref: BinaryRef,
  topic: string,
  event: string,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encode(KIND_PUSH, [refText(joinRef), refText(ref), topic, event], data);
}

/** Writes a push from server to client. Throws `malformed_frame` when a field is longer than 255 bytes. */
export function encodeBinaryServerPush(
  joinRef: BinaryRef,
  topic: string,
  event: string,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encode(KIND_PUSH, [refText(joinRef), topic, event], data);
}

/** Writes a server's reply. Throws `malformed_frame` when a field is longer than 255 bytes. */
export function encodeBinaryReply(
  joinRef: BinaryRef,
  ref: BinaryRef,
  topic: string,
  status: string,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encode(KIND_REPLY, [refText(joinRef), refText(ref), topic, status], data);
}

/** Writes a server's broadcast. Throws `malformed_frame` when a field is longer than 255 bytes. */
export function encodeBinaryBroadcast(topic: string, event: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return encode(KIND_BROADCAST, [topic, event], data);
}

/**
 * Reads a push from a client, as a server gets it. Empty refs stay `""`; the payload is a view into `bytes`.
 *
 * Throws `malformed_frame` for another kind, a header cut short, or fields that are no UTF-8.
 */
export function decodeBinaryFrame(bytes: Uint8Array): Frame<Uint8Array> {
  if (bytes[0] !== KIND_PUSH) throw malformed(bytes.length === 0 ? "is empty" : `has kind ${bytes[0]}, not 0 (push)`);
  const [[joinRef, ref, topic, event], payload] = decode(bytes, 4);
  return { joinRef, ref, topic, event, payload } as Frame<Uint8Array>;
}

/** What a binary frame from a server carries: bytes, or a reply's status with them. */
export type BinaryServerPayload = Uint8Array | { readonly status: string; readonly response: Uint8Array };

/**
 * Reads a push, reply or broadcast from a server, as a client gets it, in the shape of its text twin: a reply has
 * event `phx_reply` and payload `{ status, response }`, a push has no ref, a broadcast neither ref.
 *
 * Throws `malformed_frame` for an unknown kind, a header cut short, or fields that are no UTF-8.
 */
export function decodeBinaryServerFrame(bytes: Uint8Array): Frame<BinaryServerPayload> {
  switch (bytes[0]) {
    case KIND_PUSH: {
      const [[joinRef, topic, event], payload] = decode(bytes, 3);
      return { joinRef, ref: null, topic, event, payload } as Frame<Uint8Array>;
    }
    case KIND_REPLY: {
      const [[joinRef, ref, topic, status = ""], response] = decode(bytes, 4);
      return { joinRef, ref, topic, event: PHX_REPLY, payload: { status, response } } as Frame<BinaryServerPayload>;
    }
    case KIND_BROADCAST: {
      const [[topic, event], payload] = decode(bytes, 2);
      return { joinRef: null, ref: null, topic, event, payload } as Frame<Uint8Array>;
    }
    default:
      throw malformed(bytes.length === 0 ? "is empty" : `has unknown kind ${bytes[0]}`);
  }
}

/** A ref for {@link encodeBinaryReply}, from what a peer sent; throws `malformed_frame` for one that has no text. */
export function toBinaryRef(ref: JsonValue): BinaryRef {
  if (ref === null || typeof ref === "string" || typeof ref === "number") return ref;
  throw malformed("cannot hold a ref that is neither text, number nor null");
}

function refText(ref: BinaryRef): string {
  return ref === null ? "" : String(ref);
}

function encode(kind: number, fields: readonly string[], data: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = fields.map(encodeUtf8);
  let size = 1 + parts.length + data.length;
  for (const part of parts) size += part.length;
  const bytes = new Uint8Array(size);
  bytes[0] = kind;
  let at = 1 + parts.length;
  for (const [index, part] of parts.entries()) {
    if (part.length > MAX_FIELD_BYTES) {
      throw malformed(`cannot hold a field of ${part.length} bytes, the most is ${MAX_FIELD_BYTES}: send JSON instead`);
    }
    bytes[1 + index] = part.length;
    bytes.set(part, at);
    at += part.length;
  }
  bytes.set(data, at);
  return bytes;
}

function decode(bytes: Uint8Array, count: number): [fields: string[], data: Uint8Array] {
  const fields: string[] = [];
  let at = 1 + count;
  for (let index = 0; index < count; index++) {
    const end = at + (bytes[1 + index] ?? Number.POSITIVE_INFINITY);
    if (end > bytes.length) throw malformed("is cut short");
    try {
      fields.push(decodeUtf8(bytes.subarray(at, end)));
    } catch (cause) {
      throw malformed("has a field that is no UTF-8", cause);
    }
    at = end;
  }
  return [fields, bytes.subarray(at)];
}

function malformed(what: string, cause?: unknown): MusubiError {
  return new MusubiError("malformed_frame", `a binary frame ${what}`, { cause });
}
