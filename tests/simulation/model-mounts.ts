import { type JsonObject, type JsonValue, PATCH } from "@musubi/protocol";
import type { SeededRandom } from "@musubi/testing";
import type { Coverage } from "./coverage.js";
import type { HeldAnswers } from "./held-answers.js";
import type { ModelClient } from "./model-client.js";
import type { ModelRoots } from "./model-roots.js";
import type { ModelSession, Reply } from "./model-session.js";
import type { MountMood } from "./moods.js";
import type { RootRun } from "./root-run.js";
import type { ServerStyle } from "./server-style.js";

/** What {@link ModelMounts} needs of its server. */
export interface MountsContext {
  readonly style: ServerStyle;
  readonly random: SeededRandom;
  readonly roots: ModelRoots;
  readonly held: HeldAnswers;
  readonly coverage: Coverage;
  /** Crashes the connection channel. */
  readonly crash: (client: ModelClient) => void;
  /** Notes what protocol.md does not allow. */
  readonly complain: (what: string) => void;
}

/** Answers mounts and unmounts, in all the ways that servers have. */
export class ModelMounts {
  /** How the next mounts are answered: of any root, or of one. */
  readonly moods: { readonly mood: MountMood; readonly pair: string | undefined }[] = [];
  /** Whether a pair was held here that no unmount took away. */
  hasPhantoms = false;
  readonly #context: MountsContext;
  #nextName = 0;

  constructor(context: MountsContext) {
    this.#context = context;
  }

  /** A root's own channel: the join is the mount (protocol.md section 8). */
  joinRoot(client: ModelClient, topic: string, joinRef: string, fields: JsonObject, reply: Reply): void {
    const { roots, held, coverage, random } = this.#context;
    const { module, id } = namesIn(fields);
    const pair = `${module}/${id}`;
    const rootId = client.rootIdIn(topic);
    if (rootId !== `${module}:${id}`) this.#context.complain(`${pair} joins ${topic}`);
    const mood = this.#moodFor(pair);
    coverage.note("mount on a channel of its own");
    if (mood?.kind === "refuse") return reply("error", { reason: "not today" });
    if (mood?.kind === "crash") return reply("error", { reason: "join crashed" });
    client.joinRefs.set(topic, joinRef);
    const ifJoined = (then: () => void) => (): void => {
      if (client.joinRefs.get(topic) === joinRef) then();
    };
    const answer = (): void => reply("ok", random.chance(0.5) ? {} : { root_id: rootId });
    const begin = (): void => void roots.begin(client, pair, rootId, fields["params"] as JsonValue);
    if (mood?.kind === "late_initial") answer();
    if (mood?.kind === "late_initial") return held.hold(mood.ms, ifJoined(begin));
    if (mood?.kind === "stillborn") {
      answer();
      coverage.note("mount stillborn");
      return roots.end(client, roots.begin(client, pair, rootId, fields["params"] as JsonValue, false), mood.retry);
    }
    const both = ifJoined(() => {
      answer();
      begin();
    });
    if (mood?.kind === "slow") held.hold(mood.ms, both);
    else both();
  }

  mount(client: ModelClient, fields: JsonObject, reply: Reply): void {
    const { module, id } = namesIn(fields);
    const pair = `${module}/${id}`;
    const { session } = client;
    const held = client.find(pair);
    if (session !== undefined && held !== undefined && this.#resume(client, session, held, fields["resume"], reply))
      return;
    // Where there are sessions, a mount that does not go on with the root restarts it.
    if (session !== undefined && held !== undefined) client.roots.delete(held.rootId);
    const rootId = held?.rootId ?? this.#nameFor(module, id);
    if (session !== undefined && client.beginning.get(rootId)?.pair === pair) client.beginning.delete(rootId);
    // A `root_id` is its mount's until the answer to that, even if the root has ended before: its client holds messages
    // by `root_id` until a mount is answered, and cannot tell which of two they were for.
    const isAwaited = (client.unanswered.get(rootId) ?? { pair }).pair !== pair;
    const isOthers = (client.roots.get(rootId) ?? client.beginning.get(rootId) ?? { pair }).pair !== pair;
    // One whose own mount is not answered yet cannot be told apart.
    if (isOthers && this.#context.style.mixesUpNamesakes && this.#context.held.size === 0) {
      this.#context.coverage.note("mount answered with another's root");
      return reply("ok", { root_id: rootId });
    }
    if (isAwaited || client.roots.has(rootId) || client.beginning.has(rootId) || client.stuck.has(pair))
      return reply("error", { reason: "already_mounted", root_id: rootId });
    const isNew = !client.known.has(pair);
    client.known.add(pair);
    this.#begin(client, pair, rootId, fields["params"] as JsonValue, isNew && session === undefined, reply);
  }

  #begin(
    client: ModelClient,
    pair: string,
    rootId: string,
    params: JsonValue,
    mayBePhantom: boolean,
    reply: Reply,
  ): void {
    const { roots, held, coverage: cover, random, style, crash } = this.#context;
    const mood = this.#moodFor(pair);
    let isStuck = false;
    const namesItself = random.chance(0.5) || style.names !== "id";
    const answer = (): void => reply("ok", namesItself ? { root_id: rootId } : {});
    switch (mood?.kind) {
      case undefined:
        break;
      case "refuse":
        cover.note("mount refused");
        return reply("error", { reason: "not today" });
      case "crash":
        cover.note("mount crashes the channel");
        roots.excused.add(pair);
        return crash(client);
      case "phantom":
      case "stuck":
        if (!mayBePhantom) break;
        // Where another pair has the same `root_id`, an unmount for this one would be one for that.
        isStuck =
          mood.kind === "stuck" && !(style.names === "id" && style.pairs.some((other) => isNamesake(other, pair)));
        cover.note(isStuck ? "phantom that stays" : "phantom");
        if (isStuck) {
          this.hasPhantoms = true;
          client.stuck.add(pair);
        }
        roots.begin(client, pair, rootId, params, false);
        return reply("error", { reason: "already_mounted", root_id: rootId });
      case "late_initial": {
        cover.note("mount with a late first envelope");
        answer();
        const mount = { pair };
        client.beginning.set(rootId, mount);
        return held.hold(mood.ms, () => {
          if (client.beginning.get(rootId) !== mount) return;
          client.beginning.delete(rootId);
          roots.begin(client, pair, rootId, params);
        });
      }
      case "stillborn":
        cover.note("mount stillborn");
        answer();
        return roots.end(client, roots.begin(client, pair, rootId, params, false), mood.retry);
      case "slow": {
        cover.note("mount slow");
        roots.begin(client, pair, rootId, params);
        const mount = { pair };
        client.unanswered.set(rootId, mount);
        return held.hold(mood.ms, () => {
          if (client.unanswered.get(rootId) === mount) client.unanswered.delete(rootId);
          answer();
        });
      }
      case "early": {
        cover.note(mood.changes > 60 ? "mount early, overflowing" : "mount early");
        const run = roots.begin(client, pair, rootId, params);
        for (let index = mood.changes; index > 0; index--) roots.change(pair);
        if (mood.down !== "no") roots.end(client, run, mood.down === "retry");
        return answer();
      }
    }
    cover.note("mount ok");
    answer();
    roots.begin(client, pair, rootId, params);
  }

  #moodFor(pair: string): MountMood | undefined {
    const at = this.moods.findIndex((each) => each.pair === undefined || each.pair === pair);
    return at < 0 ? undefined : this.moods.splice(at, 1)[0]?.mood;
  }

  /** Goes on with a root that a session kept. Returns whether it could. */
  #resume(
    client: ModelClient,
    session: ModelSession,
    run: RootRun,
    asked: JsonValue | undefined,
    reply: Reply,
  ): boolean {
    const { coverage } = this.#context;
    const missed = session.missedBy(run, asked);
    if (asked !== undefined) coverage.note(missed === undefined ? "mount not resumed" : "mount resumed");
    if (missed === undefined) return false;
    run.isPaused = false;
    reply("ok", { root_id: run.rootId, epoch: run.epoch, resumed: true });
    for (const payload of missed) client.push(run.rootId, PATCH, payload);
    return true;
  }

  unmount(client: ModelClient, fields: JsonObject, reply: Reply): void {
    this.#context.coverage.note("unmount");
    const rootId = fields["root_id"] as string;
    const isMounted = client.roots.delete(rootId);
    const wasBeginning = client.beginning.delete(rootId);
    if (isMounted || wasBeginning) reply("ok", {});
    else reply("error", { reason: "unknown root" });
  }

  #nameFor(module: string, id: string): string {
    const { names } = this.#context.style;
    if (names === "opaque") return `root-${this.#nextName++}`;
    return names === "id" ? id : `${module}:${id}`;
  }
}

function namesIn(fields: JsonObject): { readonly module: string; readonly id: string } {
  const { module, id } = fields;
  if (typeof module !== "string" || typeof id !== "string") throw new Error("a mount without a module and an id");
  return { module, id };
}

function isNamesake(other: string, pair: string): boolean {
  return other !== pair && other.split("/")[1] === pair.split("/")[1];
}
