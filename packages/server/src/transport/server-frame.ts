const OPCODE_TEXT = 0x81;
const OPCODE_BINARY = 0x82;

/**
 * One unfragmented, unmasked WebSocket frame with its header (RFC 6455 section 5.2), as servers send them.
 *
 * Built once and written to any number of sockets, which `ws` cannot do: it frames each send anew.
 */
export function serverFrame(data: string | Uint8Array): Uint8Array {
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
