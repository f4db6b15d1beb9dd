import type { JsonObject, JsonValue } from "@musubi/protocol";
import type { RootRun } from "./root-run.js";

/** What a server with sessions says it can do. */
export const FEATURES: readonly string[] = ["resume", "idempotent_commands", "settled", "root_down", "events"];

/** How far behind a client may be and still get only what it missed. */
const LOGGED_VERSIONS = 12;

interface KnownCommand {
  answer: { readonly status: string; readonly response: JsonValue } | undefined;
  /** Those who wait for the answer: the first one, and repeats. */
  readonly waiting: ((status: string, response: JsonValue) => void)[];
}

/** What a server keeps of a client between its connections (protocol.md section 2, `resume`). */
export class ModelSession {
  readonly id: string;
  /** What is mounted; a client that is attached shares this very map. */
  readonly roots: Map<string, RootRun> = new Map();
  token: string;
  /** The token before: good until the first use of the one that followed it, for a reply may be lost. */
  #formerToken: string | undefined;
  readonly #commands = new Map<number, KnownCommand>();
  #acked = 0;
  #tokens = 0;

  constructor(number: number) {
    this.id = `session-${number}`;
    this.token = `${this.id}-0`;
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
  missedBy(rootId: string, resume: JsonValue | undefined): readonly JsonValue[] | undefined {
    const run = this.roots.get(rootId);
    const point = resume as JsonObject | undefined;
    if (run === undefined || point?.["epoch"] !== run.epoch) return undefined;
    const version = point["version"] as number;
    const isLogged = version <= run.version && run.version - version <= LOGGED_VERSIONS;
    return isLogged ? run.log.slice(version - 1) : undefined;
  }

  /**
   * Runs a command unless it is a repeat. Its answer goes through what `run` is given, to the first that asked and to
   * all who ask again.
   */
  once(
    fields: JsonObject,
    reply: (status: string, response: JsonValue) => void,
    run: (reply: (status: string, response: JsonValue) => void) => void,
  ): void {
    const id = fields["command_id"] as number;
    this.#acked = Math.max(this.#acked, fields["acked"] as number);
    for (const known of this.#commands.keys()) if (known <= this.#acked) this.#commands.delete(known);
    if (id <= this.#acked) return reply("error", { reason: "already_acked" });
    const known = this.#commands.get(id);
    if (known?.answer !== undefined) return reply(known.answer.status, known.answer.response);
    if (known !== undefined) {
      known.waiting.push(reply);
      return;
    }
    const command: KnownCommand = { answer: undefined, waiting: [reply] };
    this.#commands.set(id, command);
    run((status, response) => {
      command.answer = { status, response };
      for (const tell of command.waiting) tell(status, response);
    });
  }
}
