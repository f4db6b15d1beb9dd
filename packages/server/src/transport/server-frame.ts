import type { Outgoing } from "../channels/outgoing.js";

const OPCODE_TEXT = 0x81;
const OPCODE_BINARY = 0x82;
const CLOSING_BRACKET = 0x5d;

/** As large as the slabs of `Buffer.allocUnsafe`: a frame that stays for long keeps no more than one of them. */
const SLAB_BYTES = 8 * 1024;

/** Texts of up to this many UTF-16 units find room in a slab whatever their bytes. */
const MAX_SHORT_TEXT = 1_000;
const MAX_SHORT_HEADER = 4;

let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let used = 0;

/**
 * One unfragmented, unmasked WebSocket frame with its header (RFC 6455 section 5.2), as servers send them.
 *
 * Built once and written to any number of sockets, which `ws` cannot do: it frames each send anew.
 */
export function serverFrame(data: string | Uint8Array): Uint8Array {
  if (typeof data === "string" && data.length <= MAX_SHORT_TEXT) return shortTextFrame(data);
  const size = typeof data === "string" ? Buffer.byteLength(data) : data.length;
  const headerSize = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerSize + size);
  frame[0] = typeof data === "string" ? OPCODE_TEXT : OPCODE_BINARY;
  if (headerSize === 2) {
    frame[1] = size;
  } else if (headerSize === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 127;
    frame.writeUIntBE(0, 2, 2);
    frame.writeUIntBE(size, 4, 6);
  }
  if (typeof data === "string") frame.write(data, headerSize);
  else frame.set(data, headerSize);
  return frame;
}

/**
 * The frame of a message that has a head (see `Outgoing`), or of any other.
 *
 * The two pieces of a text go into the frame one by one: nobody has to put them together first.
 */
export function messageFrame({ data, head, body }: Pick<Outgoing, "data" | "head" | "body">): Uint8Array {
  if (head === undefined || body === undefined) return serverFrame(data);
  const length = head.length + body.length + 1;
  if (length > MAX_SHORT_TEXT) return serverFrame(data);
  makeRoom(length);
  let size = slab.write(head, used + MAX_SHORT_HEADER);
  size += slab.write(body, used + MAX_SHORT_HEADER + size);
  slab[used + MAX_SHORT_HEADER + size] = CLOSING_BRACKET;
  return seal(size + 1);
}

function shortTextFrame(text: string): Uint8Array {
  makeRoom(text.length);
  return seal(slab.write(text, used + MAX_SHORT_HEADER));
}

/** Sees to it that a short text of so many UTF-16 units fits into the slab. */
function makeRoom(length: number): void {
  if (SLAB_BYTES - used >= MAX_SHORT_HEADER + 3 * length) return;
  slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  used = 0;
}

/** Writes the header before a text that is in the slab already: to learn its size beforehand is to read it twice. */
function seal(size: number): Uint8Array {
  const end = used + MAX_SHORT_HEADER + size;
  let start = used;
  if (size < 126) {
    start += 2;
    slab[start + 1] = size;
  } else {
    slab[start + 1] = 126;
    slab[start + 2] = size >> 8;
    slab[start + 3] = size & 0xff;
  }
  slab[start] = OPCODE_TEXT;
  used = end;
  return slab.subarray(start, end);
}
