import type { JsonArray, JsonObject, JsonValue } from "./json.js";
import { MusubiError } from "./musubi-error.js";

const SLASH = 47;
const TILDE = 126;
const ZERO = 48;

/**
 * Whether a token may never be part of a path: it would name a prototype rather than data (protocol.md section 4).
 */
export function isRefusedToken(token: string): boolean {
  return token === "__proto__" || token === "constructor" || token === "prototype";
}

/** A text of the wire as an error message shows it: quoted, and cut when long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** The error for a pointer that breaks a rule of its syntax. */
export function invalidPointer(pointer: string, problem: string): MusubiError {
  return new MusubiError("invalid_pointer", `the path ${quote(pointer)} ${problem}`, { details: { path: pointer } });
}

/**
 * The token that `pointer.slice(start, end)` spells, unescaped (RFC 6901 section 4).
 *
 * Throws `invalid_pointer` for a `~` that neither `0` nor `1` follows, and for a token that names a prototype.
 */
export function tokenAt(pointer: string, start: number, end: number): string {
  let token = pointer.slice(start, end);
  const tilde = token.indexOf("~");
  if (tilde !== -1) token = unescapeToken(pointer, token, tilde);
  if (isRefusedToken(token)) {
    throw invalidPointer(pointer, `holds ${quote(token)}, which names a prototype: rename that field`);
  }
  return token;
}

function unescapeToken(pointer: string, token: string, first: number): string {
  let text = token.slice(0, first);
  let from = first;
  for (let at = first; at !== -1; at = token.indexOf("~", from)) {
    const code = token.charCodeAt(at + 1);
    if (code !== ZERO && code !== ZERO + 1) {
      throw invalidPointer(pointer, 'holds a "~" that is not followed by 0 or 1: write "~" as "~0" and "/" as "~1"');
    }
    text += token.slice(from, at) + (code === ZERO ? "~" : "/");
    from = at + 2;
  }
  return text + token.slice(from);
}

/** Where the token that starts at `start` ends: at the next `/`, or at the end of the pointer. */
export function tokenEnd(pointer: string, start: number): number {
  const end = pointer.indexOf("/", start);
  return end === -1 ? pointer.length : end;
}

/**
 * The array index that `text.slice(start, end)` spells, or -1 when it spells none (RFC 6901 section 4: digits
 * without leading zeros). Read from the character codes, so that nothing is allocated.
 */
export function indexAt(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start) - ZERO;
  if (start >= end || (first === 0 && end - start > 1)) return -1;
  let index = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  return index;
}

/**
 * The tokens of a JSON Pointer, unescaped; none for the whole document (RFC 6901 section 3).
 *
 * Throws `invalid_pointer` when it does not start with `/`, for a `~` that neither `0` nor `1` follows, and for a
 * token that names a prototype (protocol.md section 4).
 */
export function parsePointer(pointer: string): string[] {
  const tokens: string[] = [];
  if (pointer === "") return tokens;
  requireSlash(pointer);
  for (let start = 1; start <= pointer.length; ) {
    const end = tokenEnd(pointer, start);
    tokens.push(tokenAt(pointer, start, end));
    start = end + 1;
  }
  return tokens;
}

/** Throws `invalid_pointer` unless `pointer` starts with `/`. */
export function requireSlash(pointer: string): void {
  if (pointer.charCodeAt(0) !== SLASH) throw invalidPointer(pointer, 'does not start with "/": only "" and "/..." do');
}

/** The JSON Pointer of a list of tokens, escaped (RFC 6901 section 3). */
export function formatPointer(tokens: readonly (string | number)[]): string {
  let pointer = "";
  for (const token of tokens) pointer += `/${typeof token === "number" ? token : escapeToken(token)}`;
  return pointer;
}

/** A token as it is written in a pointer: `~` as `~0`, `/` as `~1` (RFC 6901 section 3). */
export function escapeToken(token: string): string {
  for (let at = 0; at < token.length; at++) {
    const code = token.charCodeAt(at);
    if (code === TILDE || code === SLASH) return token.replaceAll("~", "~0").replaceAll("/", "~1");
  }
  return token;
}

/**
 * The member of `node` that `token` names; `undefined` when there is none. Only own members count: what an object
 * inherits is no data.
 */
export function memberOf(node: JsonObject | JsonArray, token: string): JsonValue | undefined {
  if (Array.isArray(node)) return (node as JsonArray)[indexAt(token, 0, token.length)];
  return Object.hasOwn(node, token) ? (node as JsonObject)[token] : undefined;
}

/**
 * The value at `pointer`, or `undefined` when the document has none there (`-` never has one).
 *
 * Throws `invalid_pointer` as {@link parsePointer} does.
 */
export function getAt(document: JsonValue, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const token of parsePointer(pointer)) {
    if (typeof value !== "object" || value === null) return undefined;
    value = memberOf(value, token);
  }
  return value;
}
