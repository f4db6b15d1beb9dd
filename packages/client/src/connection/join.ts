import { isObject } from "@musubi/protocol";

/** What a server can do beyond the base contract (protocol.md section 2, "features"). Others are ignored. */
export type Feature = "resume" | "idempotent_commands" | "settled" | "root_down" | "events" | "store_events";

/** The session that a server keeps for this client; the token lives in memory only. */
export interface Session {
  readonly id: string;
  readonly token: string;
}

/** One join of a connection: what its reply said. */
export interface Join {
  /** Absent from a plain server. */
  readonly session: Session | undefined;
  /** Whether the session is the one of the join before, so that what was sent then is still known. */
  readonly isSameSession: boolean;
  has(feature: Feature): boolean;
}

/** A join without a session and without features: a plain server's, or a socket's that is open. */
export const PLAIN_JOIN: Join = { session: undefined, isSameSession: false, has: () => false };

/** Reads the reply to a join; whatever is not as it should be counts as absent. */
export function readJoin(response: unknown, former: Session | undefined): Join {
  if (!isObject(response)) return PLAIN_JOIN;
  const { session, features } = response;
  const known: readonly unknown[] = Array.isArray(features) ? features : [];
  const current = readSession(session);
  return {
    session: current,
    isSameSession: current !== undefined && current.id === former?.id,
    has: (feature) => known.includes(feature),
  };
}

function readSession(session: unknown): Session | undefined {
  if (!isObject(session)) return undefined;
  const { id, token } = session;
  return typeof id === "string" && typeof token === "string" ? { id, token } : undefined;
}
