import { isObject } from "@musubi/protocol";
import { CommandLedger } from "./command-ledger.js";

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
  /** The numbers of this session's commands; `undefined` when the server does not recognise repeats. */
  readonly ledger: CommandLedger | undefined;
  has(feature: Feature): boolean;
}

/** Reads the reply to a join; whatever is not as it should be counts as absent. */
export function readJoin(response: unknown, former?: Join): Join {
  const { session, features } = isObject(response) ? response : {};
  const { id, token } = isObject(session) ? session : {};
  const known: readonly unknown[] = Array.isArray(features) ? features : [];
  const has = (feature: Feature): boolean => known.includes(feature);
  const current = typeof id === "string" && typeof token === "string" ? { id, token } : undefined;
  const isSameSession = current !== undefined && current.id === former?.session?.id;
  const ledger = (isSameSession && former?.ledger) || new CommandLedger();
  return { session: current, isSameSession, ledger: has("idempotent_commands") ? ledger : undefined, has };
}

/** A join without a session and without features: a plain server's, or a socket's that is open. */
export const PLAIN_JOIN: Join = /* @__PURE__ */ readJoin(undefined);
