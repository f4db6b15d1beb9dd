const OPCODE_TEXT = 0x81;
const OPCODE_BINARY = 0x82;

/** As large as the slabs of `Buffer.allocUnsafe`: a frame that stays for long keeps no more than one of them. */
const SLAB_BYTES = 8 * 1024;

/** Texts of up to this many UTF-16 units find room in a slab whatever their bytes. */
const MAX_SHORT_TEXT = 1_000;

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

/** Writes the text first and its length afterwards: to learn that beforehand is to read the text twice. */
function shortTextFrame(text: string): Uint8Array {
  if (SLAB_BYTES - used < 4 + 3 * text.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    used = 0;
  }
  const size = slab.write(text, used + 4);
  const end = used + 4 + size;
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
