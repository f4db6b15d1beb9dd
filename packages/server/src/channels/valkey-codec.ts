/** Turns messages into text and back, for PubSub between processes. Either may throw: the message is then dropped. */
export interface MessageCodec {
  encode(message: unknown): string;
  decode(text: string): unknown;
}

// A string that begins with NUL is marked, so that no message can be taken for bytes.
const BYTES = "\0b";
const TEXT = "\0t";

/** JSON, in which a `Uint8Array` anywhere in a message stays one. */
export const jsonCodec: MessageCodec = {
  encode: (message) => JSON.stringify(message, pack) ?? "null",
  // Reviving costs several times what parsing does: only where something is marked.
  decode: (text) => (text.includes('"\\u0000') ? JSON.parse(text, unpack) : JSON.parse(text)) as unknown,
};

function pack(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  // Not `value`: what a Buffer's `toJSON` has made of it.
  const raw = this[key];
  if (raw instanceof Uint8Array) {
    return BYTES + Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("base64");
  }
  return typeof value === "string" && value.startsWith("\0") ? TEXT + value : value;
}

function unpack(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith("\0")) return value;
  const text = value.slice(2);
  return value.startsWith(BYTES) ? new Uint8Array(Buffer.from(text, "base64")) : text;
}
