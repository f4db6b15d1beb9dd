import { type ErrorCode, isObject, MusubiError, type StoreId } from "@musubi/protocol";
import { isDevelopment } from "./development.js";

/** How a command ended without a reply that resolves it. */
export type CommandFailure = "failed" | "timeout" | "interrupted";

/** What is known of a failed command's effect: the server said no, never heard of it, or may have run it. */
export type CommandFate = "rejected" | "not_sent" | "unknown";

/** The facts of a {@link MusubiCommandError}. */
export interface CommandErrorFacts {
  readonly kind: CommandFailure;
  readonly fate: CommandFate;
  readonly command: string;
  readonly storeId: StoreId;
  /** The server's error reply, when there was one. */
  readonly reply?: unknown;
  /** The server's own code when its reply had one, else one of ours. */
  readonly code: string;
}

/**
 * A command that did not resolve (client.md rule 14). `kind` says how it ended, `fate` whether it may have had an
 * effect; `code` is the server's own when its error reply carried one.
 */
export class MusubiCommandError extends MusubiError<string> {
  declare readonly kind: CommandFailure;
  declare readonly fate: CommandFate;
  declare readonly command: string;
  declare readonly storeId: StoreId;
  declare readonly reply: unknown;

  constructor(message: string, facts: CommandErrorFacts) {
    super(facts.code, message, { details: facts.reply });
    Object.assign(this, facts, { name: "MusubiCommandError" });
  }

  /** Whether `value` is one, also one of another copy of this package. */
  static is(value: unknown): value is MusubiCommandError {
    return hasName(value, "MusubiCommandError");
  }
}

/** A root that could not be mounted. `reason` is the server's own, untouched, when it refused. */
export class MusubiMountError extends MusubiError {
  declare readonly module: string;
  declare readonly id: string;
  declare readonly reason: unknown;

  constructor(
    code: ErrorCode,
    message: string,
    facts: { module: string; id: string; reason?: unknown; details?: unknown },
  ) {
    super(code, message);
    Object.assign(this, facts, { name: "MusubiMountError" });
  }

  /** Whether `value` is one, also one of another copy of this package. */
  static is(value: unknown): value is MusubiMountError {
    return hasName(value, "MusubiMountError");
  }
}

/** Client and server disagree on what is mounted, and mounting once more did not settle it. */
export class MusubiInconsistencyError extends MusubiError {
  constructor(message: string, details?: unknown) {
    super("inconsistent", message, { details });
    this.name = "MusubiInconsistencyError";
  }

  /** Whether `value` is one, also one of another copy of this package. */
  static is(value: unknown): value is MusubiInconsistencyError {
    return hasName(value, "MusubiInconsistencyError");
  }
}

/** The connection was refused, or was closed for good by either end while something waited for it. */
export class MusubiDisconnectedError extends MusubiError {
  constructor(code: "disconnected" | "join_refused" | "socket_closed", message: string, details?: unknown) {
    super(code, message, { details });
    this.name = "MusubiDisconnectedError";
  }

  /** Whether `value` is one, also one of another copy of this package. */
  static is(value: unknown): value is MusubiDisconnectedError {
    return hasName(value, "MusubiDisconnectedError");
  }
}

function hasName(value: unknown, name: string): boolean {
  return value instanceof Error && value.name === name;
}

/** The reason in a server's error reply: its `reason`, else its `code`, else its `error`, else the reply itself. */
export function replyReason(reply: unknown): unknown {
  if (!isObject(reply)) return reply;
  return reply["reason"] ?? reply["code"] ?? reply["error"] ?? reply;
}

/** A short text for a message: strings as they are, all else as JSON. */
export function describe(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** What to think of where a code alone does not say it. For development: a production build leaves it out. */
const ADVICE: { readonly [code in ErrorCode]?: string } = isDevelopment
  ? {
      mount_timeout: "no answer to its mount; does the server have this module?",
      mount_crashed: "mounting it crashed the server's channel twice",
      not_loaded: "the code for its uploads could not be loaded",
      root_id_taken: "the server has another root by this root_id; use another id",
      invalid_id: 'no ":" in a module or an id where every root has a topic',
      inconsistent: "the server has it mounted even after an unmount; use another id",
      socket_closed: "the server closed the socket for good",
      command_timeout: "no reply in time; what waits for the connection counts too",
      interrupted: "the connection or the root went away",
      offline: "the root is not live, and the command was not to wait",
      queue_full: "as many commands as may wait for the connection do",
      store_gone: "the store has left the tree",
    }
  : {};

/** Says in a message why something failed: by its code, with what the server gave as its reason. */
export function explain(code: string, reason?: unknown): string {
  const why = reason === undefined ? code : `${code} (${describe(reason)})`;
  return isDevelopment && code in ADVICE ? `${why}: ${ADVICE[code as ErrorCode]}` : why;
}
