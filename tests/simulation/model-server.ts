import {
  type Clock,
  COMMAND,
  CONNECTION_TOPIC,
  decodeTextFrame,
  diff,
  encodeTextFrame,
  HEARTBEAT,
  isObject,
  type JsonObject,
  type JsonValue,
  MOUNT,
  PATCH,
  PHOENIX_TOPIC,
  PHX_CLOSE,
  PHX_ERROR,
  PHX_JOIN,
  PHX_LEAVE,
  PHX_REPLY,
  ROOT_DOWN,
  SETTLED,
  type StreamOp,
  storeIdKey,
  UNMOUNT,
} from "@musubi/protocol";
import { type FaultTarget, type MemoryListener, type MemoryPeer, SeededRandom } from "@musubi/testing";
import { HeldAnswers } from "./held-answers.js";
import { forget, ModelClient } from "./model-client.js";
import { idOf, ModelDocument, storesOf } from "./model-document.js";
import { FEATURES, ModelSession } from "./model-session.js";
import type { CommandMood, MountMood, RootTrouble } from "./moods.js";
import { RootRun, type RunVersion } from "./root-run.js";

const IDLE_TIMEOUT_MS = 25_000;

/** A plain server (protocol.md section 2) over documents that change at random, which can be told to misbehave. */
export class ModelServer implements MemoryListener, FaultTarget {
  readonly documents: Map<string, ModelDocument> = new Map();
  /** Every life of every root, by its number, which is in its tree as `run`. */
  readonly runs: RootRun[] = [];
  /** How often each command took effect, by token. */
  readonly effects: Map<string, number> = new Map();
  /** Pairs that a client may rightly give up: their server said so, or crashed while they were mounted. */
  readonly excused: Set<string> = new Set();
  readonly mountMoods: MountMood[] = [];
  readonly #clients = new Set<ModelClient>();
  readonly #held: HeldAnswers;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #namesById: boolean;
  readonly #hasSessions: boolean;
  /** Sessions whose client may come back. */
  readonly #sessions = new Map<string, ModelSession>();
  #nextSession = 0;
  #nextEvent = 0;

  constructor(clock: Clock, seed: number, namesById: boolean, hasSessions: boolean) {
    this.#hasSessions = hasSessions;
    this.#clock = clock;
    this.#held = new HeldAnswers(clock);
    this.#random = new SeededRandom(seed);
    this.#namesById = namesById;
  }

  /** Whether everything asked was answered. */
  get isIdle(): boolean {
    return this.#held.size === 0;
  }

  /** The roots that are mounted on any connection. */
  mounted(): RootRun[] {
    return Array.from(this.#clients).flatMap((client) => Array.from(client.roots.values()));
  }

  /** Changes a document, mounted or not. */
  change(pair: string, random: SeededRandom = this.#random): void {
    const before = this.#documentOf(pair);
    const ops = before.change(random);
    for (const [client, run] of this.#runsOf(pair)) this.#publish(client, run, ops, random.chance(0.15));
  }

  trouble(pair: string, kind: RootTrouble): void {
    const document = this.#documentOf(pair);
    if (kind === "gap") {
      const ops = document.change(this.#random);
      for (const [, run] of this.#runsOf(pair)) this.#publish(undefined, run, ops, false);
      // The envelope before was lost; the next one shows it.
      document.tree = { ...document.tree, n: document.tree.n + 1 };
      for (const [client, run] of this.#runsOf(pair)) this.#publish(client, run, [], false);
      return;
    }
    for (const [client, run] of this.#runsOf(pair)) {
      if (client === undefined || run.isPaused) continue;
      if (kind === "restart") {
        this.#begin(client, run.pair, run.rootId, run.params);
      } else if (kind === "down" || kind === "down_for_good") {
        this.#end(client, run, kind === "down");
      } else {
        const { version } = run;
        run.spoil();
        const broken = {
          wrong_op: {
            ops: [
              { op: "replace", path: "/n", value: -1 },
              { op: "remove", path: "/nowhere/x" },
            ],
          },
          wrong_shape: { ops: "none" },
          first_again: { base_version: 0, version: 1, ops: [{ op: "replace", path: "/n", value: -1 }] },
        }[kind];
        const payload = { type: "patch", root_id: run.rootId, stream_ops: [] };
        this.#deliver(client, run, { base_version: version, version: version + 1, ...payload, ...broken });
      }
    }
  }

  /** No more misbehaviour; what was held is answered now. */
  calm(): void {
    this.mountMoods.length = 0;
    this.#held.release();
  }

  /** The process went down: sessions were in its memory. */
  forgetClients(): void {
    this.#sessions.clear();
  }

  crash(): void {
    for (const client of this.#clients) this.#crashOne(client);
  }

  closeChannel(): void {
    for (const client of this.#clients) this.#endChannel(client, PHX_CLOSE, {});
  }

  connect(_url: string, peer: MemoryPeer): ReturnType<MemoryListener["connect"]> {
    const client = new ModelClient(peer);
    this.#clients.add(client);
    return {
      message: (text) => this.#receive(client, text),
      close: () => {
        this.#clients.delete(client);
        const { session } = client;
        forget(client);
        // Nobody may come back for it: it goes after a while.
        if (session !== undefined) this.#expire(session);
      },
    };
  }

  #receive(client: ModelClient, text: string): void {
    const { joinRef, ref, topic, event, payload } = decodeTextFrame(text);
    const reply = (status: string, response: JsonValue): void => {
      const answer = { joinRef, ref, topic, event: PHX_REPLY, payload: { status, response } };
      client.peer.send(encodeTextFrame(answer));
    };
    const fields = isObject(payload) ? payload : {};
    if (topic === PHOENIX_TOPIC && event === HEARTBEAT) return reply("ok", {});
    if (topic !== CONNECTION_TOPIC) return reply("error", { reason: "unmatched topic" });
    if (event === PHX_JOIN) {
      this.#endChannel(client, PHX_CLOSE, {});
      client.joinRef = joinRef as string | null;
      return reply("ok", this.#hasSessions ? this.#takeUpSession(client, fields["session"]) : {});
    }
    if (client.joinRef === null || client.joinRef !== joinRef) return reply("error", { reason: "unmatched topic" });
    switch (event) {
      case PHX_LEAVE:
        reply("ok", {});
        return this.#endChannel(client, PHX_CLOSE, {});
      case MOUNT:
        return this.#mount(client, fields, reply);
      case UNMOUNT: {
        const rootId = fields["root_id"] as string;
        const isMounted = client.roots.delete(rootId);
        const wasBeginning = client.beginning.delete(rootId);
        return isMounted || wasBeginning ? reply("ok", {}) : reply("error", { reason: "unknown root" });
      }
      case COMMAND:
        return this.#command(client, fields, reply);
      default:
        return reply("error", { reason: "unknown event" });
    }
  }

  #mount(client: ModelClient, fields: JsonObject, reply: (status: string, response: JsonValue) => void): void {
    const [module, id] = [fields["module"] as string, fields["id"] as string];
    const pair = `${module}/${id}`;
    const rootId = this.#namesById ? id : `${module}:${id}`;
    const params = fields["params"] as JsonValue;
    const mood = this.mountMoods.shift();
    const { session } = client;
    if (session !== undefined) {
      const missed = session.missedBy(rootId, fields["resume"]);
      const run = session.roots.get(rootId);
      if (missed !== undefined && run !== undefined) {
        run.isPaused = false;
        reply("ok", { root_id: rootId, epoch: run.epoch, resumed: true });
        for (const payload of missed) this.#push(client, PATCH, payload);
        return;
      }
      // A mount that does not go on with the root restarts it.
      client.roots.delete(rootId);
      client.beginning.delete(rootId);
    }
    if (client.roots.has(rootId) || client.beginning.has(rootId))
      return reply("error", { reason: "already_mounted", root_id: rootId });
    const isNew = !client.known.has(pair);
    client.known.add(pair);
    if (mood?.kind === "refuse") return reply("error", { reason: "not today" });
    if (mood?.kind === "crash") {
      this.excused.add(pair);
      return this.#crashOne(client);
    }
    if (mood?.kind === "phantom" && isNew && session === undefined) {
      this.#begin(client, pair, rootId, params, false);
      return reply("error", { reason: "already_mounted", root_id: rootId });
    }
    const answer = (): void => reply("ok", this.#random.chance(0.5) || !this.#namesById ? { root_id: rootId } : {});
    if (mood?.kind === "late_initial") {
      answer();
      const mount = {};
      client.beginning.set(rootId, mount);
      this.#held.hold(mood.ms, () => {
        if (client.beginning.get(rootId) !== mount) return;
        client.beginning.delete(rootId);
        this.#begin(client, pair, rootId, params);
      });
      return;
    }
    if (mood?.kind === "slow") {
      this.#begin(client, pair, rootId, params);
      this.#held.hold(mood.ms, answer);
      return;
    }
    if (mood?.kind === "early") {
      const run = this.#begin(client, pair, rootId, params);
      for (let index = mood.changes; index > 0; index--) this.change(pair);
      if (mood.down) this.#end(client, run, true);
      answer();
      return;
    }
    answer();
    this.#begin(client, pair, rootId, params);
  }

  #command(client: ModelClient, fields: JsonObject, reply: (status: string, response: JsonValue) => void): void {
    const { session } = client;
    if (session === undefined) this.#runCommand(client, fields, reply);
    else session.once(fields, reply, (answer) => this.#runCommand(client, fields, answer));
  }

  #runCommand(client: ModelClient, fields: JsonObject, reply: (status: string, response: JsonValue) => void): void {
    const run = client.roots.get(fields["root_id"] as string);
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
    this.change(run.pair);
    if (mood === "ok") reply("ok", { token });
    else if (mood === "odd") reply("maybe", { token });
    else if (mood === "late") this.#held.hold(payload["ms"] as number, () => reply("ok", { token }));
    else if (mood === "down") this.#end(client, run, true);
    else if (mood === "crash") this.#crashOne(client);
    const settled = { root_id: run.rootId, command_id: fields["command_id"] ?? null, version: run.version };
    if (client.session !== undefined && (mood === "ok" || mood === "reply_first")) this.#push(client, SETTLED, settled);
  }

  /** Begins a life of a root. */
  #begin(client: ModelClient, pair: string, rootId: string, params: JsonValue, isTold = true): RootRun {
    const document = this.#documentOf(pair);
    const run = new RootRun({ number: this.runs.length, pair, rootId, params }, document);
    this.runs.push(run);
    client.roots.set(rootId, run);
    if (isTold) {
      this.#push(client, PATCH, {
        type: "patch",
        root_id: rootId,
        base_version: 0,
        version: 1,
        ops: [{ op: "replace", path: "", value: run.current.tree as JsonValue }],
        stream_ops: document.streamOps(),
        ...(this.#hasSessions ? { epoch: run.epoch } : {}),
      });
    }
    return run;
  }

  #publish(client: ModelClient | undefined, run: RootRun, streamOps: readonly StreamOp[], hasEvent: boolean): void {
    const events = hasEvent ? [this.#nextEvent++] : [];
    const next = this.#advance(run, streamOps, events);
    if (next === undefined) return;
    this.#deliver(client, run, {
      type: "patch",
      root_id: run.rootId,
      base_version: run.version - 1,
      version: run.version,
      ops: next.ops,
      stream_ops: streamOps,
      ...(hasEvent ? { events: [{ name: "note", payload: events[0] as number, store_id: [] }] } : {}),
    });
  }

  /** Logs what a root says, and says it unless its client has yet to ask for it. */
  #deliver(client: ModelClient | undefined, run: RootRun, payload: JsonObject): void {
    run.log.push(payload);
    if (client !== undefined && !run.isPaused) this.#push(client, PATCH, payload);
  }

  /** Takes the next version; nothing when the cycle was idle. */
  #advance(run: RootRun, streamOps: readonly StreamOp[], events: readonly number[]): RunVersion | undefined {
    const document = this.#documentOf(run.pair);
    const tree = run.render(document);
    const ops = diff(run.current.tree as JsonValue, tree as JsonValue);
    if (ops.length + streamOps.length + events.length === 0) return undefined;
    return run.advance(tree, document.streams, ops, events);
  }

  #end(client: ModelClient, run: RootRun, retry: boolean): void {
    if (!retry) this.excused.add(run.pair);
    client.roots.delete(run.rootId);
    if (!run.isPaused) this.#push(client, ROOT_DOWN, { root_id: run.rootId, reason: "broken", retry });
  }

  /** What a join is answered with: the client's session with a new token, or a new session. */
  #takeUpSession(client: ModelClient, asked: JsonValue | undefined): JsonObject {
    const { id, token, keep } = (asked ?? {}) as { id?: string; token?: string; keep?: readonly unknown[] };
    let session = this.#sessions.get(id ?? "");
    if (session?.accepts(token) !== true) {
      session = new ModelSession(this.#nextSession++);
      this.#sessions.set(session.id, session);
    } else {
      for (const other of this.#clients) if (other.session === session) this.#takeAway(other);
      session.takeUp(token, keep ?? []);
    }
    client.session = session;
    client.roots = session.roots;
    const reply = { id: session.id, token: session.token, idle_timeout_ms: IDLE_TIMEOUT_MS };
    return { session: reply, features: FEATURES };
  }

  /** A session has a new holder: the former one hears of it and is listened to no more. */
  #takeAway(client: ModelClient): void {
    client.session = undefined;
    client.roots = new Map();
    this.#endChannel(client, PHX_CLOSE, {});
  }

  #expire(session: ModelSession): void {
    const { token } = session;
    this.#clock.setTimeout(() => {
      if (session.token === token) this.#sessions.delete(session.id);
    }, IDLE_TIMEOUT_MS);
  }

  #crashOne(client: ModelClient): void {
    this.#endChannel(client, PHX_ERROR, { reason: "channel_crash" });
  }

  #endChannel(client: ModelClient, event: string, payload: JsonValue): void {
    const { joinRef, session } = client;
    if (session !== undefined) this.#sessions.delete(session.id);
    forget(client);
    if (joinRef === null) return;
    client.peer.send(encodeTextFrame({ joinRef, ref: joinRef, topic: CONNECTION_TOPIC, event, payload }));
  }

  #push(client: ModelClient, event: string, payload: JsonValue): void {
    const { joinRef } = client;
    if (joinRef !== null)
      client.peer.send(encodeTextFrame({ joinRef, ref: null, topic: CONNECTION_TOPIC, event, payload }));
  }

  /** The lives of a pair, with the connections that they are mounted on; none for one whose client is away. */
  #runsOf(pair: string): [ModelClient | undefined, RootRun][] {
    const holders = new Map<Map<string, RootRun>, ModelClient | undefined>();
    for (const { roots } of this.#sessions.values()) holders.set(roots, undefined);
    for (const client of this.#clients) holders.set(client.roots, client);
    const found: [ModelClient | undefined, RootRun][] = [];
    for (const [roots, client] of holders) {
      for (const run of roots.values()) if (run.pair === pair) found.push([client, run]);
    }
    return found;
  }

  #documentOf(pair: string): ModelDocument {
    let document = this.documents.get(pair);
    if (document === undefined) {
      document = new ModelDocument(pair, this.#random);
      this.documents.set(pair, document);
    }
    return document;
  }
}
