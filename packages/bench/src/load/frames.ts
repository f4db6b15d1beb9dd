/** A text frame as servers send them (RFC 6455 section 5.2). */
export function maskless(text: string): Buffer {
  const data = Buffer.from(text);
  return Buffer.concat([header(0x81, data.length, 0), data]);
}

/** A frame as clients send them; the mask is zero, so that the data stands there as it is. */
export function masked(data: string | Uint8Array): Buffer {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  return Buffer.concat([header(typeof data === "string" ? 0x81 : 0x82, bytes.length, 0x80), Buffer.alloc(4), bytes]);
}

function header(first: number, length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.from([first, maskBit | length]);
  if (length < 65_536) return Buffer.from([first, maskBit | 126, length >> 8, length & 0xff]);
  const long = Buffer.alloc(10);
  long[0] = first;
  long[1] = maskBit | 127;
  long.writeUInt32BE(length, 6);
  return long;
}

/** What a reader is told of a whole message: where it begins and ends in `bytes`, its header included. */
export type OnFrame = (bytes: Uint8Array, from: number, to: number) => void;

/** Finds the whole messages in a stream of a server's bytes by the lengths in their headers, and nothing more. */
export class FrameReader {
  #rest: Buffer | undefined;

  /** Takes the next `size` bytes, which may be overwritten afterwards. */
  read(chunk: Buffer, size: number, onFrame: OnFrame): void {
    let bytes = chunk;
    let end = size;
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(0, size)]);
      end = bytes.length;
    }
    let at = 0;
    while (end - at >= 2) {
      const next = frameEnd(bytes, at, end);
      if (next > end) break;
      // Pings are the server's affair; data frames alone are messages.
      if (((bytes[at] as number) & 0x0f) < 0x08) onFrame(bytes, at, next);
      at = next;
    }
    this.#rest = at === end ? undefined : Buffer.from(bytes.subarray(at, end));
  }
}

/** Where the frame at `at` ends; beyond `end` when its header is not all there. */
function frameEnd(bytes: Buffer, at: number, end: number): number {
  const short = (bytes[at + 1] as number) & 0x7f;
  if (short < 126) return at + 2 + short;
  if (short === 126) return end - at < 4 ? end + 1 : at + 4 + bytes.readUInt16BE(at + 2);
  return end - at < 10 ? end + 1 : at + 10 + bytes.readUIntBE(at + 4, 6);
}
