import { maskless } from "./frames.js";

/** What a message carries: the subject sends `{ text }`. */
export interface Payload {
  readonly text: string;
  /** The bytes of a whole message, made beforehand: raw TCP writes nothing else. */
  wire?: Buffer;
}

/** Stands before the time at which a message was sent, in microseconds of the monotonic clock. */
export const STAMP = 0x40;
const STAMP_DIGITS = 16;

/** Texts of `size` bytes that differ from each other, `count` of them. */
export function payloads(count: number, size: number): Payload[] {
  return Array.from({ length: count }, (_, at) => ({ text: filled(`${at} `, size) }));
}

/** A text of `size` bytes that tells when it was made; one too small for that is longer. */
export function stampedPayload(size: number): Payload {
  return { text: filled(`@${String(nowUs()).padStart(STAMP_DIGITS, "0")} `, size) };
}

/** The time of a stamped message, in microseconds; `undefined` when there is none in these bytes. */
export function stampIn(bytes: Uint8Array, from: number, to: number): number | undefined {
  const mark = bytes.indexOf(STAMP, from);
  if (mark === -1 || mark + STAMP_DIGITS >= to) return undefined;
  let stamp = 0;
  for (let at = mark + 1; at <= mark + STAMP_DIGITS; at++) stamp = stamp * 10 + ((bytes[at] as number) - 0x30);
  return stamp;
}

/** Microseconds of a clock that all processes of one machine share. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.round(nanoseconds / 1e3);
}

/** The message as our server would write it. */
export function wireOf(payload: Payload): Buffer {
  payload.wire ??= maskless(JSON.stringify([null, null, "load:all", "change", { text: payload.text }]));
  return payload.wire;
}

/** Letters after `start`, in words, as a text of an app has them. */
function filled(start: string, size: number): string {
  const words = "the quick brown fox jumps over the lazy dog and ";
  return (start + words.repeat(Math.max(0, Math.ceil((size - start.length) / words.length)))).slice(
    0,
    Math.max(size, STAMP_DIGITS + 2),
  );
}
