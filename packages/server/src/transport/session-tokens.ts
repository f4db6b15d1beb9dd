import { type Secrets, TokenSigner } from "../token-signer.js";

/** Which long-poll session a request belongs to, and where that lives. */
export interface SessionAddress {
  /** The endpoint, of whatever process, that holds the session. */
  readonly home: string;
  readonly id: string;
}

/** How long a token is good for at most, in milliseconds: Phoenix's two weeks. */
const TTL_MS = 14 * 24 * 60 * 60 * 1000;

/** The tokens of long-poll sessions. */
export class SessionTokens {
  readonly #signer: TokenSigner;
  readonly #now: () => number;

  /** `now` is in milliseconds since 1970. Without a secret there is one of this endpoint alone, random. */
  constructor(now: () => number, secret?: Secrets) {
    this.#now = now;
    this.#signer = new TokenSigner("long-poll session", secret, "longPoll.secret");
  }

  sign({ home, id }: SessionAddress): string {
    return this.#signer.sign([home, id, this.#now() + TTL_MS]);
  }

  /** What a token says, if it was signed here and is young enough; `null` for anything else. */
  verify(token: string): SessionAddress | null {
    // Signed here, so it has the shape that `sign` gave it.
    const claims = this.#signer.verify(token) as [home: string, id: string, expiresAt: number] | undefined;
    if (claims === undefined) return null;
    const [home, id, expiresAt] = claims;
    return this.#now() < expiresAt ? { home, id } : null;
  }
}
