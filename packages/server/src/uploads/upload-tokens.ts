import { type Secrets, TokenSigner } from "../token-signer.js";
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

/** The tokens that let a client send a file. */
export class UploadTokens {
  readonly #signer: TokenSigner;

  /** Without a secret one of this process alone, random. */
  constructor(secret?: Secrets) {
    this.#signer = new TokenSigner("upload", secret, "uploads.secret");
  }

  sign(claims: UploadClaims): string {
    return this.#signer.sign(claims);
  }

  /** What a token claims, if it was signed here; `null` for anything else. Whether it fits is the caller's to see. */
  verify(token: unknown): UploadClaims | null {
    // Signed here, so it has the shape that `sign` gave it.
    return (this.#signer.verify(token) as UploadClaims | undefined) ?? null;
  }
}
