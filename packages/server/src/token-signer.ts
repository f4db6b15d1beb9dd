import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { MusubiError } from "@musubi/protocol";

/** What signs tokens: 32 bytes or more that nobody can guess, a string counting as its UTF-8. */
export type Secret = string | Uint8Array;

/** A secret, or several while it is changed: the first one signs, and what any of them has signed is taken. */
export type Secrets = Secret | readonly Secret[];

const MIN_BYTES = 32;

/** Fewer different bytes than random ones ever have, be they written as hexadecimal digits. */
const MIN_DIFFERENT = 8;

/** Longest token that is looked at, in characters. */
const MAX_LENGTH = 16_384;

/** Characters of an HMAC-SHA256 in base64url. */
const MAC_LENGTH = 43;

const NO_MAC = Buffer.alloc(MAC_LENGTH);

/**
 * Signs tokens of one kind, and checks them: `<claims>.<HMAC-SHA256 of them>`, both in base64url.
 *
 * Each kind has keys of its own, derived from the secrets by HKDF (RFC 5869), so that no token passes for one of another
 * kind, nor for anything else that is signed with the same secrets. The claims are not hidden. That they are not too old
 * and about the right thing is the caller's to see.
 */
export class TokenSigner {
  /** Never empty; the first one signs. */
  readonly #keys: readonly Buffer[];

  /**
   * `purpose` names the kind, for ever. Without a secret there is one of this signer alone, random. Throws
   * `invalid_usage` for secrets that can be none, in which `option` is what they are called.
   */
  constructor(purpose: string, secrets: Secrets | undefined, option: string) {
    this.#keys = listOf(secrets, option).map((secret) =>
      Buffer.from(hkdfSync("sha256", secret, "", `musubi ${purpose}`, MIN_BYTES)),
    );
  }

  /** Signs what JSON can say. */
  sign(claims: unknown): string {
    const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${body}.${mac(this.#keys[0] as Buffer, body)}`;
  }

  /** What a token claims, in the shape that it was signed in; `undefined` for anything that was not signed here. */
  verify(token: unknown): unknown {
    if (typeof token !== "string" || token.length > MAX_LENGTH) return undefined;
    const dot = token.lastIndexOf(".");
    const body = token.slice(0, Math.max(0, dot));
    // As text: base64 leaves room for other spellings of the same bytes.
    const text = Buffer.from(token.slice(dot + 1));
    const given = text.length === MAC_LENGTH ? text : NO_MAC;
    let isSigned = false;
    // All of them, whatever comes out: the time that it takes says neither which secret it was nor how near a guess.
    for (const key of this.#keys) if (timingSafeEqual(given, Buffer.from(mac(key, body)))) isSigned = true;
    return isSigned ? (JSON.parse(Buffer.from(body, "base64url").toString()) as unknown) : undefined;
  }
}

function mac(key: Buffer, body: string): string {
  return createHmac("sha256", key).update(body).digest("base64url");
}

function listOf(secrets: Secrets | undefined, option: string): readonly Uint8Array[] {
  if (secrets === undefined) return [randomBytes(MIN_BYTES)];
  const list: readonly unknown[] = Array.isArray(secrets) ? secrets : [secrets];
  if (list.length === 0) throw misuse(option, "is an empty list: give the secret that signs, then former ones");
  return list.map((secret) => {
    const bytes = typeof secret === "string" ? Buffer.from(secret) : secret;
    // What it is must not get into a log.
    if (!(bytes instanceof Uint8Array))
      throw misuse(option, `is text or bytes, or a list of such, not ${typeof secret}`);
    if (bytes.length >= MIN_BYTES && new Set(bytes).size >= MIN_DIFFERENT) return Uint8Array.from(bytes);
    throw misuse(option, `is too weak: give ${MIN_BYTES} random bytes or more, as "openssl rand -base64 32" prints`);
  });
}

function misuse(option: string, what: string): MusubiError {
  return new MusubiError("invalid_usage", `${option} ${what}`);
}
