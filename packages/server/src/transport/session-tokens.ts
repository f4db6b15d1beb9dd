import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Which long-poll session a request belongs to, and where that lives. */
export interface SessionAddress {
  /** The endpoint, of whatever process, that holds the session. */
  readonly home: string;
  readonly id: string;
}

/** How long a token is good for at most, in milliseconds: Phoenix's two weeks. */
const TTL_MS = 14 * 24 * 60 * 60 * 1000;

/** What is signed here cannot pass for what another part signs with the same secret. */
const PURPOSE = "musubi long-poll session";

/** Signs and checks the tokens of long-poll sessions: HMAC-SHA256 over the claims, compared in constant time. */
export class SessionTokens {
  readonly #secret: string | Uint8Array;
  readonly #now: () => number;

  /** `now` is in milliseconds since 1970. Without a secret there is one of this endpoint alone, random. */
  constructor(now: () => number, secret: string | Uint8Array = randomBytes(32)) {
    this.#now = now;
    this.#secret = secret;
  }

  sign({ home, id }: SessionAddress): string {
    const body = Buffer.from(JSON.stringify([home, id, this.#now() + TTL_MS])).toString("base64url");
    return `${body}.${this.#mac(body)}`;
  }

  /** What a token says, if it was signed here and is young enough; `null` for anything else. */
  verify(token: string): SessionAddress | null {
    const [body = "", mac = "", ...rest] = token.split(".");
    // As text: base64 leaves room for other spellings of the same bytes.
    const [given, right] = [Buffer.from(mac), Buffer.from(this.#mac(body))];
    if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) return null;
    // Signed here, so it has the shape that `sign` gave it.
    const [home, id, expiresAt] = JSON.parse(Buffer.from(body, "base64url").toString()) as [string, string, number];
    return this.#now() < expiresAt ? { home, id } : null;
  }

  #mac(body: string): string {
    return createHmac("sha256", this.#secret).update(`${PURPOSE}.${body}`).digest("base64url");
  }
}
