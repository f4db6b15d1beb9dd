import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Entry } from "./entry.js";

/**
 * What a token is good for (protocol.md section 6): the entry, the life of the root it belongs to, its store and slot,
 * the announced size, and whose connection it is. In this order, for ever: it is what is signed.
 */
export type UploadClaims = readonly [
  ref: string,
  root: string,
  store: string,
  slot: string,
  size: number,
  owner: string,
  /** Milliseconds since 1970. */
  expiresAt: number,
];

/** What a token for an entry has to claim. */
export function claimsOf(
  entry: Pick<Entry, "info" | "instance" | "slotName">,
  owner: string,
  expiresAt: number,
): UploadClaims {
  const { info, instance, slotName } = entry;
  return [info.ref, instance.scope.rootId, instance.key, slotName, info.size, owner, expiresAt];
}

/** Longest token that is looked at, in characters. */
const MAX_LENGTH = 16_384;

/** Signs and checks tokens: HMAC-SHA256 over the claims, compared in constant time. */
export class UploadTokens {
  readonly #secret: string | Uint8Array;

  /** Without a secret one of this process alone, random. */
  constructor(secret: string | Uint8Array = randomBytes(32)) {
    this.#secret = secret;
  }

  sign(claims: UploadClaims): string {
    const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${body}.${this.#mac(body)}`;
  }

  /** What a token claims, if it was signed here; `null` for anything else. Whether it fits is the caller's to see. */
  verify(token: unknown): UploadClaims | null {
    if (typeof token !== "string" || token.length > MAX_LENGTH) return null;
    const [body = "", mac = "", ...rest] = token.split(".");
    // As text: base64 leaves room for other spellings of the same bytes.
    const [given, right] = [Buffer.from(mac), Buffer.from(this.#mac(body))];
    if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) return null;
    // Signed here, so it has the shape that `sign` gave it.
    return JSON.parse(Buffer.from(body, "base64url").toString()) as UploadClaims;
  }

  #mac(body: string): string {
    return createHmac("sha256", this.#secret).update(body).digest("base64url");
  }
}
