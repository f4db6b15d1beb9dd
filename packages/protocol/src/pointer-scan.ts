/**
 * Reads a JSON Pointer token by token, in place (RFC 6901): each token as an object's member or as an array's index, as
 * the value that it leads into asks for.
 */
import { tokenAt, tokenEnd } from "./pointer.js";

const SLASH = 47;
const TILDE = 126;
const ZERO = 48;

/** Longest token that is kept for the next path that names it. */
const MAX_KEPT_LENGTH = 32;
const KEPT = 512;

// Field names come back in path after path. A string cut out of a path has to be looked up in the engine's table of
// names before it can find a member; one that was kept from an earlier path is that name already. Bounded: 512 names of
// at most 32 characters, the newest of each hash.
const kept: string[] = new Array<string>(KEPT).fill("");

let end = 0;

/** Where the token that was scanned last ends. To be read before anything else can scan. */
export function scannedTo(): number {
  return end;
}

/**
 * The token of a JSON Pointer that begins at `start`, unescaped (RFC 6901 section 4); {@link scannedTo} tells where it
 * ends. Throws `invalid_pointer` for a bad `~` and for a token that names a prototype.
 */
export function scanKey(pointer: string, start: number): string {
  let hash = 0;
  let escaped = false;
  let at = start;
  for (; at < pointer.length; at++) {
    const code = pointer.charCodeAt(at);
    if (code === SLASH) break;
    if (code === TILDE) escaped = true;
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  end = at;
  const length = at - start;
  if (escaped || length > MAX_KEPT_LENGTH) return tokenAt(pointer, start, at);
  const slot = (hash ^ (hash >>> 9)) & (KEPT - 1);
  const known = kept[slot] as string;
  if (known.length === length && pointer.startsWith(known, start)) return known;
  return keep(slot, tokenAt(pointer, start, at));
}

/**
 * The token of a JSON Pointer that begins at `start` as an array index; -1 when it is none, `length` for `-`: one past
 * the end (RFC 6901 section 4). {@link scannedTo} tells where it ends. Throws `invalid_pointer` for a token that names
 * a prototype.
 */
export function scanIndex(pointer: string, start: number, length: number): number {
  let index = 0;
  let at = start;
  for (; at < pointer.length; at++) {
    const digit = pointer.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    index = index * 10 + digit;
  }
  const stop = at < pointer.length && pointer.charCodeAt(at) !== SLASH ? tokenEnd(pointer, at) : at;
  end = stop;
  const digits = stop - start;
  if (at === stop && digits > 0 && (digits === 1 || pointer.charCodeAt(start) !== ZERO)) return index;
  return tokenAt(pointer, start, stop) === "-" ? length : -1;
}

function keep(slot: number, token: string): string {
  // As a member's name the text becomes a string of its own, which does not hold on to the path it was cut from.
  const name = Object.keys({ [token]: 0 })[0] ?? token;
  kept[slot] = name;
  return name;
}
