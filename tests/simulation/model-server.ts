import {
  ALLOW_UPLOAD,
  CANCEL_UPLOAD,
  type Clock,
  COMMAND,
  decodeTextFrame,
  HEARTBEAT,
  isObject,
  type JsonObject,
  type JsonValue,
  MOUNT,
  PHOENIX_TOPIC,
  PHX_JOIN,
  PHX_LEAVE,
  UNMOUNT,
  UPLOAD_ERROR,
  UPLOAD_PROGRESS,
  UPLOAD_TOPIC,
} from "@musubi/protocol";
import { type FaultTarget, type MemoryListener, type MemoryPeer, SeededRandom } from "@musubi/testing";
import type { Coverage } from "./coverage.js";
import { HeldAnswers } from "./held-answers.js";
import { ModelClient } from "./model-client.js";
import { ModelCommands } from "./model-commands.js";
import { ModelMounts } from "./model-mounts.js";
import { ModelRoots, type RootHolder } from "./model-roots.js";
import { FEATURES, ModelSession, type Reply } from "./model-session.js";
import { ModelUploads } from "./model-uploads.js";
import type { JoinMood } from "./moods.js";
import type { RootRun } from "./root-run.js";
import type { ServerStyle } from "./server-style.js";

const IDLE_TIMEOUT_MS = 25_000;
/** Where a client is sent that is told that its server has moved. */
export const ELSEWHERE = "ws://elsewhere/socket";
const REFUSALS: Readonly<Record<Exclude<JoinMood, "silent">, JsonObject>> = {
  refuse: { reason: "unauthorized" },
  moved: { reason: "moved", url: ELSEWHERE },
};

/** A server of protocol.md, of any style, over documents that change at random, which can be told to misbehave. */
export class ModelServer implements MemoryListener, FaultTarget {
  readonly roots: ModelRoots;
  readonly commands: ModelCommands;
  readonly uploads: ModelUploads;
  readonly mounts: ModelMounts;
  readonly joinMoods: JoinMood[] = [];
  /** What a client did that protocol.md does not allow. */
  readonly complaints: string[] = [];
  readonly #style: ServerStyle;
  readonly #coverage: Coverage;
  readonly #clients = new Set<ModelClient>();
  readonly #held: HeldAnswers;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  /** Sessions whose client may come back. */
  readonly #sessions = new Map<string, ModelSession>();
  #nextSession = 0;

  constructor(
    clock: Clock,
    seed: number,
    style: ServerStyle,
    coverage: Coverage,
    /** Whether the client knows how a command ended. */
    isSettled: (token: unknown) => boolean,
  ) {
    this.#style = style;
    this.#coverage = coverage;
    this.#clock = clock;
    this.#held = new HeldAnswers(clock);
    this.#random = new SeededRandom(seed);
    this.roots = new ModelRoots(this.#random, style, coverage, () => this.#holders());
    const context = {
      roots: this.roots,
      held: this.#held,
      random: this.#random,
      coverage,
      complain: (what: string) => void this.complaints.push(what),
    };
    this.mounts = new ModelMounts({
      ...context,
      style,
      crash: (client) => this.#endChannel(client, client.topic, "crash"),
    });
    this.uploads = new ModelUploads({
      ...context,
      knowsAgain: style.knowsFilesAgain,
      crash: (run) => {
        this.roots.excused.add(run.pair);
        for (const client of this.#clients)
          if (client.roots.get(run.rootId) === run) this.#endChannel(client, client.topicOf(run.rootId), "crash");
      },
      isHeld: (run) => Array.from(this.#holders()).some(([roots]) => roots.get(run.rootId) === run),
      endChannel: (topic, how) => {
        for (const client of this.#clients) if (client.joinRefs.has(topic)) this.#endChannel(client, topic, how);
      },
    });
    this.commands = new ModelCommands({
      ...context,
      clientOf: (session) => Array.from(this.#clients).find((client) => client.session === session),
      crash: (client, run) => this.#endChannel(client, client.topicOf(run.rootId), "crash"),
      isSettled,
    });
  }

  /** Whether everything asked was answered. */
  get isIdle(): boolean {
    return this.#held.size === 0;
  }

  /** The roots that are mounted on any connection. */
  mounted(): RootRun[] {
    return Array.from(this.#clients).flatMap((client) => Array.from(client.roots.values()));
  }

  /** No more misbehaviour; what was held is answered now. */
  calm(): void {
    this.mounts.moods.length = 0;
    this.joinMoods.length = 0;
    this.#held.release();
  }

  /** The process went down: sessions were in its memory. */
  forgetClients(): void {
    this.#sessions.clear();
  }

  crash(): void {
    this.#endSome("crash");
  }

  closeChannel(): void {
    this.#endSome("close");
  }

  connect(_url: string, peer: MemoryPeer): ReturnType<MemoryListener["connect"]> {
    const clients = this.#style.topics.map((topic) => new ModelClient(peer, topic, this.#hasOwnChannels));
    for (const client of clients) this.#clients.add(client);
    return {
      message: (text) => {
        const { topic } = decodeTextFrame(text) as { topic: string };
        this.#receive(clients.find((client) => client.owns(topic)) ?? (clients[0] as ModelClient), text);
      },
      close: () => {
        for (const client of clients) {
          this.#clients.delete(client);
          const { session } = client;
          client.forget(client.topic);
          // Nobody may come back for it: it goes after a while.
          if (session !== undefined) this.#expire(session);
        }
      },
    };
  }

  get #hasOwnChannels(): boolean {
    return this.#style.topology === "channel-per-root";
  }

  #receive(client: ModelClient, text: string): void {
    const frame = decodeTextFrame(text);
    const { joinRef, ref, topic, event } = frame as { joinRef: string; ref: string; topic: string; event: string };
    const { payload } = frame;
    const reply: Reply = (status, response) => client.reply({ joinRef, ref, topic }, status, response);
    const fields = isObject(payload) ? payload : {};
    if (topic === PHOENIX_TOPIC && event === HEARTBEAT) return reply("ok", {});
    if (topic.startsWith(UPLOAD_TOPIC)) return this.#receiveUpload(client, { joinRef, topic, event }, fields, reply);
    if (!client.owns(topic)) {
      this.complaints.push(`${event} on the topic ${topic}`);
      return reply("error", { reason: "unmatched topic" });
    }
    if (event === PHX_JOIN) {
      client.endChannel(topic, "close");
      return this.#hasOwnChannels
        ? this.mounts.joinRoot(client, topic, joinRef, fields, reply)
        : this.#join(client, joinRef, fields, reply);
    }
    if (client.joinRefs.get(topic) !== joinRef) return reply("error", { reason: "unmatched topic" });
    switch (event) {
      case PHX_LEAVE:
        reply("ok", {});
        if (this.#hasOwnChannels) this.#coverage.note("unmount");
        return this.#endChannel(client, topic, "close");
      case MOUNT:
        return this.mounts.mount(client, fields, reply);
      case UNMOUNT:
        return this.mounts.unmount(client, fields, reply);
      default:
        return this.#receiveOfRoot(client, topic, event, fields, reply);
    }
  }

  #receiveOfRoot(client: ModelClient, topic: string, event: string, fields: JsonObject, reply: Reply): void {
    const rootId = this.#hasOwnChannels ? client.rootIdIn(topic) : (fields["root_id"] as string);
    if (this.#hasOwnChannels === "root_id" in fields) this.complaints.push(`${event} names its root wrongly`);
    const run = client.roots.get(rootId);
    switch (event) {
      case COMMAND:
        return this.commands.receive(client, rootId, fields, reply);
      case ALLOW_UPLOAD:
        return this.uploads.allow(run, fields, reply);
      case CANCEL_UPLOAD:
        return this.uploads.tell("cancel", run, fields, reply);
      case UPLOAD_PROGRESS:
        return this.uploads.tell("progress", run, fields, reply);
      case UPLOAD_ERROR:
        return this.uploads.tell("error", run, fields, reply);
      default:
        this.complaints.push(`an unknown event: ${event}`);
        return reply("error", { reason: "unknown event" });
    }
  }

  /** What comes on a file's own channel. */
  #receiveUpload(
    client: ModelClient,
    { joinRef, topic, event }: { readonly joinRef: string; readonly topic: string; readonly event: string },
    fields: JsonObject,
    reply: Reply,
  ): void {
    if (event === PHX_JOIN) {
      client.endChannel(topic, "close");
      if (this.uploads.join(topic, fields, reply)) client.joinRefs.set(topic, joinRef);
    } else if (client.joinRefs.get(topic) !== joinRef) {
      reply("error", { reason: "unmatched topic" });
    } else if (event === PHX_LEAVE) {
      reply("ok", {});
      client.endChannel(topic, "close");
    } else if (event === "chunk") {
      this.uploads.chunk(topic, fields, reply);
    } else {
      this.complaints.push(`${event} on ${topic}`);
    }
  }

  #join(client: ModelClient, joinRef: string, fields: JsonObject, reply: Reply): void {
    const mood = this.joinMoods.shift();
    this.#coverage.note(
      mood === undefined
        ? "join"
        : ({ refuse: "join refused", moved: "join moved", silent: "join unanswered" } as const)[mood],
    );
    if (mood !== undefined && mood !== "silent") return reply("error", REFUSALS[mood]);
    client.joinRefs.set(client.topic, joinRef);
    if (mood === "silent") return;
    reply("ok", this.#style.hasSessions ? this.#takeUpSession(client, fields["session"]) : {});
  }

  /** What a join is answered with: the client's session with a new token, or a new session. */
  #takeUpSession(client: ModelClient, asked: JsonValue | undefined): JsonObject {
    const { id, token, keep } = (asked ?? {}) as { id?: string; token?: string; keep?: readonly unknown[] };
    let session = this.#sessions.get(id ?? "");
    if (session?.accepts(token) !== true) {
      if (asked !== undefined) this.#coverage.note("join with a session gone");
      session = new ModelSession(this.#nextSession++, this.#style.window);
      this.#sessions.set(session.id, session);
    } else {
      this.#coverage.note("join with a session taken up");
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
    this.#coverage.note("session taken over");
    client.session = undefined;
    client.roots = new Map();
    client.endChannel(client.topic, "close");
  }

  #expire(session: ModelSession): void {
    const { token } = session;
    this.#clock.setTimeout(() => {
      if (session.token !== token || !this.#sessions.delete(session.id)) return;
      this.#coverage.note("session expired");
    }, IDLE_TIMEOUT_MS);
  }

  /** Every channel, or where roots have their own, any of them. */
  #endSome(how: "close" | "crash"): void {
    for (const client of this.#clients) {
      for (const topic of Array.from(client.joinRefs.keys())) {
        if (topic === client.topic || this.#random.chance(0.6)) this.#endChannel(client, topic, how);
      }
    }
  }

  #endChannel(client: ModelClient, topic: string, how: "close" | "crash"): void {
    const { session } = client;
    if (topic.startsWith(UPLOAD_TOPIC)) this.uploads.handleEnd(topic.slice(UPLOAD_TOPIC.length), how);
    if (session !== undefined && topic === client.topic) this.#sessions.delete(session.id);
    if (client.endChannel(topic, how)) this.#coverage.note(how === "close" ? "channel closed" : "channel crashed");
  }

  *#holders(): Iterable<RootHolder> {
    const attached = new Set(Array.from(this.#clients, ({ roots }) => roots));
    for (const client of this.#clients) yield [client.roots, client];
    for (const { roots } of this.#sessions.values()) if (!attached.has(roots)) yield [roots, undefined];
  }
}
