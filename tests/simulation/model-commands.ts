import { type JsonObject, SETTLED, storeIdKey } from "@musubi/protocol";
import type { SeededRandom } from "@musubi/testing";
import type { Coverage } from "./coverage.js";
import type { HeldAnswers } from "./held-answers.js";
import type { ModelClient } from "./model-client.js";
import { idOf, storesOf } from "./model-document.js";
import type { ModelRoots } from "./model-roots.js";
import type { ModelSession, Reply } from "./model-session.js";
import type { CommandMood } from "./moods.js";
import type { RootRun } from "./root-run.js";

/** What {@link ModelCommands} needs of its server. */
export interface CommandsContext {
  readonly roots: ModelRoots;
  readonly held: HeldAnswers;
  readonly random: SeededRandom;
  readonly coverage: Coverage;
  /** The connection that a session is attached to. */
  readonly clientOf: (session: ModelSession) => ModelClient | undefined;
  /** Crashes the channel of a root. */
  readonly crash: (client: ModelClient, run: RootRun) => void;
  /** Whether the client knows how a command ended. */
  readonly isSettled: (token: unknown) => boolean;
  /** Notes what protocol.md does not allow. */
  readonly complain: (what: string) => void;
}

/** Runs commands as their payloads ask, and counts what they do. */
export class ModelCommands {
  /** How often each command took effect, by token. */
  readonly effects: Map<string, number> = new Map();
  readonly #context: CommandsContext;

  constructor(context: CommandsContext) {
    this.#context = context;
  }

  receive(client: ModelClient, rootId: string, fields: JsonObject, reply: Reply): void {
    const { session } = client;
    const { coverage, complain, isSettled } = this.#context;
    const { command_id: id, acked } = fields;
    if (session === undefined) {
      if (id !== undefined) complain("a command has a number without idempotent_commands");
      this.#run(client, rootId, fields, reply);
      return;
    }
    if (typeof id !== "number" || typeof acked !== "number" || acked >= id) {
      complain(`a command is number ${JSON.stringify(id)}, with ${JSON.stringify(acked)} settled`);
      return;
    }
    for (const token of session.acknowledge(acked)) {
      if (!isSettled(token)) complain("a command is acknowledged that has no outcome");
    }
    const finding = session.once(fields, reply);
    if (finding.kind === "new") this.#run(client, rootId, fields, finding.reply);
    else if (finding.kind === "repeat") coverage.note("command repeated");
    else if (finding.kind === "too_many_unacked") coverage.note("command refused: too_many_unacked");
    else complain(`command ${id} comes after it was settled`);
  }

  #run(client: ModelClient, rootId: string, fields: JsonObject, reply: Reply): void {
    const { roots, held, crash } = this.#context;
    const run = client.roots.get(rootId);
    const payload = fields["payload"] as JsonObject;
    const token = payload["token"] as string;
    const mood = payload["mood"] as CommandMood;
    if (run === undefined) return reply("error", { reason: "unknown root" });
    const storeKey = storeIdKey(fields["store_id"] as string[]);
    if (!storesOf(run.current.tree).some((store) => storeIdKey(idOf(store)) === storeKey))
      return reply("error", { reason: "unknown store" });
    if (mood === "fail") return reply("error", { reason: "refused", code: "no_way" });
    if (mood === "lost") return;
    if (mood === "reply_first") reply("ok", { token });
    this.effects.set(token, (this.effects.get(token) ?? 0) + 1);
    roots.change(run.pair);
    const { version } = run;
    const { session } = client;
    const answer = (): void => {
      if (mood !== "reply_first") reply("ok", { token });
      if (session !== undefined)
        this.#settle(session, run, { version, token, command_id: fields["command_id"] as number });
    };
    if (mood === "ok" || mood === "reply_first") answer();
    else if (mood === "odd") reply("maybe", { token });
    else if (mood === "late") held.hold(payload["ms"] as number, answer);
    else if (mood === "down") roots.end(client, run, true);
    else if (mood === "crash") crash(client, run);
  }

  /** Tells whoever has the session now, unless its root is one that has yet to be asked for. */
  #settle(session: ModelSession, of: RootRun, effect: JsonObject & { readonly version: number }): void {
    if (this.#context.random.chance(0.2)) {
      this.#context.held.hold(this.#context.random.integer(1, 600), () => this.#tellSettled(session, of, effect));
    } else this.#tellSettled(session, of, effect);
  }

  #tellSettled(session: ModelSession, of: RootRun, effect: JsonObject & { readonly version: number }): void {
    const client = this.#context.clientOf(session);
    const run = client?.find(of.pair);
    if (client === undefined || run === undefined || run.isPaused) return;
    client.push(run.rootId, SETTLED, { ...effect, root_id: run.rootId, version: run === of ? effect.version : 1 });
  }
}
