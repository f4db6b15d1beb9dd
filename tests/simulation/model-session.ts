import type { JsonObject, JsonValue } from "@musubi/protocol";
import type { RootRun } from "./root-run.js";
import type { ServerStyle } from "./server-style.js";

/** What a server with sessions says it can do. */
export const FEATURES: readonly string[] = ["resume", "idempotent_commands", "settled", "root_down", "events"];

/** How far behind a client may be and still get only what it missed. */
const LOGGED_VERSIONS = 8;

/** Answers one push. */
export type Reply = (status: string, response: JsonValue) => void;

interface KnownCommand {
  readonly token: unknown;
  readonly bytes: number;
  answer: { readonly status: string; readonly response: JsonValue } | undefined;
  /** Those who wait for the answer: the first one, and repeats. */
  readonly waiting: Reply[];
}

/** What became of a numbered command. */
export type CommandFinding =
  | { readonly kind: "new"; readonly reply: Reply }
  | { readonly kind: "repeat" | "too_many_unacked" | "already_acked" };

/** What a server keeps of a client between its connections (protocol.md section 2, `resume`). */
export class ModelSession {
  readonly id: string;
  /** What is mounted; a client that is attached shares this very map. */
  readonly roots: Map<string, RootRun> = new Map();
  token: string;
  /** The token before: good until the first use of the one that followed it, for a reply may be lost. */
  #formerToken: string | undefined;
  readonly #window: ServerStyle["window"];
  readonly #commands = new Map<number, KnownCommand>();
  #acked = 0;
  #tokens = 0;

  constructor(number: number, window: ServerStyle["window"]) {
    this.id = `session-${number}`;
    this.token = `${this.id}-0`;
    this.#window = window;
  }

  accepts(token: string | undefined): boolean {
    return token !== undefined && (token === this.token || token === this.#formerToken);
  }

  /** A client comes back with a token that is accepted: it gets a new one; what it does not keep is gone, the rest waits for its `mount`. */
  takeUp(token: string | undefined, keep: readonly unknown[]): void {
    this.#formerToken = token;
    this.token = `${this.id}-${++this.#tokens}`;
    for (const [rootId, run] of this.roots) {
      if (keep.includes(rootId)) run.isPaused = true;
      else this.roots.delete(rootId);
    }
  }

  /** The payloads that a client misses; `undefined` when its copy cannot be continued. */
  missedBy(run: RootRun, resume: JsonValue | undefined): readonly JsonValue[] | undefined {
    const point = resume as JsonObject | undefined;
    if (point?.["epoch"] !== run.epoch) return undefined;
    const version = point["version"] as number;
    const isLogged = version <= run.version && run.version - version <= LOGGED_VERSIONS;
    return isLogged ? run.log.slice(version - 1) : undefined;
  }

  /** What the client says to have settled. Returns the tokens that the session now forgets. */
  acknowledge(acked: number): unknown[] {
    this.#acked = Math.max(this.#acked, acked);
    const forgotten = Array.from(this.#commands).filter(([id]) => id <= this.#acked);
    for (const [id] of forgotten) this.#commands.delete(id);
    return forgotten.map(([, { token }]) => token);
  }

  /**
   * Takes a command: a new one is to be run, with the reply that also answers its repeats; all others have been
   * answered here, or will be.
   */
  once(fields: JsonObject, reply: Reply): CommandFinding {
    const id = fields["command_id"] as number;
    if (id <= this.#acked) {
      reply("error", { reason: "already_acked" });
      return { kind: "already_acked" };
    }
    const known = this.#commands.get(id);
    if (known !== undefined) {
      if (known.answer === undefined) known.waiting.push(reply);
      else reply(known.answer.status, known.answer.response);
      return { kind: "repeat" };
    }
    const bytes = JSON.stringify(fields).length;
    const held = Array.from(this.#commands.values()).reduce((sum, command) => sum + command.bytes, 0);
    if (this.#commands.size >= this.#window.entries || held + bytes > this.#window.bytes) {
      reply("error", { reason: "too_many_unacked" });
      return { kind: "too_many_unacked" };
    }
    const { token } = fields["payload"] as JsonObject;
    const command: KnownCommand = { token, bytes, answer: undefined, waiting: [reply] };
    this.#commands.set(id, command);
    return {
      kind: "new",
      reply: (status, response) => {
        command.answer = { status, response };
        for (const tell of command.waiting) tell(status, response);
      },
    };
  }
}
