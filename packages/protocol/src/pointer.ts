import type { JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";

const SLASH = 47;
const ZERO = 48;

/** A text of the wire as an error message shows it: quoted, and cut when long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/**
 * Whether a token may never be part of a path: it would name a prototype rather than data (protocol.md section 4).
 */
export function isRefusedToken(token: string): boolean {
  return token === "__proto__" || token === "constructor" || token === "prototype";
}

/** Throws `invalid_pointer` unless `pointer` is empty or starts with `/`. */
export function requireSlash(pointer: string): void {
  if (pointer !== "" && pointer.charCodeAt(0) !== SLASH) throw invalidPointer(pointer);
}

function invalidPointer(path: string): MusubiError {
  return new MusubiError("invalid_pointer", `${quote(path)} is no path, or names a prototype`, { details: { path } });
}

// Field names come back in path after path. A string cut out of a path has to be looked up in the engine's table of
// names before it can find a member; one that was kept from an earlier path is that name already. Bounded: 512 names of
// at most 32 characters, the newest of each hash.
const kept: string[] = new Array<string>(512).fill("");

let end = 0;

/** Where the token that was scanned last ends. To be read before anything else can scan. */
export function scannedTo(): number {
  return end;
}

/**
 * The token of a JSON Pointer that begins at `start`, unescaped (RFC 6901 section 4); {@link scannedTo} tells where it
 * ends. Throws `invalid_pointer` for a `~` that neither `0` nor `1` follows, and for a token that names a prototype.
 */
export function scanKey(pointer: string, start: number): string {
  let hash = 0;
  let at = start;
  for (; at < pointer.length; at++) {
    const code = pointer.charCodeAt(at);
    if (code === SLASH) break;
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  end = at;
  const slot = (hash ^ (hash >>> 9)) & 511;
  const known = kept[slot] as string;
  if (known.length === at - start && pointer.startsWith(known, start)) return known;
  const written = pointer.slice(start, at);
  const token = written.replaceAll("~1", "/").replaceAll("~0", "~");
  if (isRefusedToken(token) || /~(?![01])/.test(written)) throw invalidPointer(pointer);
  if (token.length > 32 || token.length < written.length) return token;
  // As a member's name the text becomes a string of its own, which does not hold on to the path it was cut from.
  return (kept[slot] = Object.keys({ [token]: 0 })[0] as string);
}

/**
 * The token of a JSON Pointer that begins at `start` as an array index; -1 when it is none, `length` for `-`: one past
 * the end (RFC 6901 section 4). {@link scannedTo} tells where it ends. Throws as {@link scanKey} does.
 */
export function scanIndex(pointer: string, start: number, length: number): number {
  let index = 0;
  let at = start;
  for (; at < pointer.length; at++) {
    const digit = pointer.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    index = index * 10 + digit;
  }
  const isWhole = at === pointer.length || pointer.charCodeAt(at) === SLASH;
  if (isWhole && at > start && (at === start + 1 || pointer.charCodeAt(start) !== ZERO)) {
    end = at;
    return index;
  }
  return scanKey(pointer, start) === "-" ? length : -1;
}

/**
 * The tokens of a JSON Pointer, unescaped; none for the whole document (RFC 6901 section 3).
 *
 * Throws `invalid_pointer` when it does not start with `/`, for a `~` that neither `0` nor `1` follows, and for a
 * token that names a prototype (protocol.md section 4).
 */
export function parsePointer(pointer: string): string[] {
  requireSlash(pointer);
  const tokens: string[] = [];
  for (let start = 1; start <= pointer.length; start = end + 1) tokens.push(scanKey(pointer, start));
  return tokens;
}

/** The JSON Pointer of a list of tokens, escaped (RFC 6901 section 3). */
export function formatPointer(tokens: readonly (string | number)[]): string {
  return tokens.map((token) => `/${escapeToken(String(token))}`).join("");
}

/** A token as it is written in a pointer: `~` as `~0`, `/` as `~1` (RFC 6901 section 3). */
export function escapeToken(token: string): string {
  return /[~/]/.test(token) ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token;
}

/**
 * The value at `pointer`, or `undefined` when the document has none there (`-` never has one). Only own members count:
 * what an object inherits is no data.
 *
 * Throws `invalid_pointer` as {@link parsePointer} does.
 */
export function getAt(document: JsonValue, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const token of parsePointer(pointer)) {
    if (typeof value !== "object" || value === null) return undefined;
    const index: number | string = Array.isArray(value) ? scanIndex(`/${escapeToken(token)}`, 1, -1) : token;
    value = Object.hasOwn(value, index) ? (value as Readonly<Record<string | number, JsonValue>>)[index] : undefined;
  }
  return value;
}
