import type { JsonObject, JsonValue } from "@musubi/protocol";
import { initialEnvelope, type ReceivedMessage, ScriptedServer, type TestSocket } from "@musubi/testing";

/** Whether a server keeps sessions (protocol.md section 2, `resume`). */
export type ServerKind = "plain" | "resume";

/** What has been asked of a server, as it came over the wire. */
export interface WireCounts {
  readonly mounts: number;
  /** Of those, the mounts that were answered with `resumed: true`. */
  readonly resumed: number;
  readonly unmounts: number;
}

interface ServedRoot {
  readonly epoch: string;
  readonly log: JsonObject[];
}

interface Session {
  readonly id: string;
  readonly roots: Map<string, ServedRoot>;
}

/**
 * A server of rooms for one client at a time, whose rooms have a title each. It counts what comes over the wire, and
 * knows which roots it holds.
 */
export class WireServer {
  readonly kind: ServerKind;
  /** Room ids whose mount is refused. */
  readonly refused = new Set<string>();
  /** Room ids whose mount is not answered until they are taken out and `answerHeld` is called. */
  readonly held = new Set<string>();
  readonly #scripted = new ScriptedServer();
  readonly #titles = new Map<string, string>();
  readonly #plainRoots = new Set<string>();
  #session: Session | undefined;
  #heldAnswers: (() => void)[] = [];
  #resumed = 0;
  #sessions = 0;
  #epochs = 0;

  constructor(kind: ServerKind) {
    this.kind = kind;
    this.#scripted.store("Room", (id, params) => this.#fieldsOf(id, params));
    this.#scripted.intercept("phx_join", (message, proceed) => {
      this.#join(message);
      proceed();
    });
    this.#scripted.intercept("phx_leave", (_message, proceed) => {
      this.#forget();
      proceed();
    });
    this.#scripted.intercept("mount", (message, proceed) => {
      const { id } = message.payload as { id: string };
      const answer = (): void => this.#mount(id, message, proceed);
      if (this.held.has(id)) this.#heldAnswers.push(answer);
      else answer();
    });
    this.#scripted.intercept("unmount", (message, proceed) => {
      const { root_id: rootId } = message.payload as { root_id: string };
      this.#plainRoots.delete(rootId);
      if (kind === "plain") return proceed();
      const known = this.#session?.roots.delete(rootId) ?? false;
      this.#scripted.reply(message, known ? "ok" : "error", known ? {} : { reason: "unknown root" });
    });
  }

  get counts(): WireCounts {
    const count = (event: string): number => this.#scripted.messages(event).length;
    return { mounts: count("mount"), resumed: this.#resumed, unmounts: count("unmount") };
  }

  /** How many times the connection's channel was joined. */
  get joins(): number {
    return this.#scripted.messages("phx_join").length;
  }

  /** The roots that the server holds for its client now. */
  get roots(): readonly string[] {
    return [...this.#plainRoots, ...(this.#session?.roots.keys() ?? [])];
  }

  get connections(): number {
    return this.#scripted.connections;
  }

  createSocket(): TestSocket {
    return this.#scripted.createSocket();
  }

  /** Gives a room another title, which a client that has it is told. */
  setTitle(id: string, title: string): void {
    this.#titles.set(id, title);
    const rootId = `Room:${id}`;
    const ops = [{ op: "replace", path: "/title", value: title }] as const;
    const root = this.#session?.roots.get(rootId);
    if (root === undefined) return this.#scripted.patch(rootId, ops);
    const version = root.log.length;
    const envelope = { ...initialEnvelope(rootId, {}, {}), base_version: version, version: version + 1, ops: [...ops] };
    root.log.push({ ...envelope, epoch: root.epoch });
    this.#scripted.push("patch", root.log.at(-1));
  }

  /** Cuts the connection; until `comeBack`, the server cannot be reached. */
  drop(): void {
    this.#plainRoots.clear();
    this.#scripted.accepting = false;
    this.#scripted.cut();
  }

  /** As `drop`, and the server forgets whatever it knew of its client. */
  stop(): void {
    this.drop();
    this.#forget();
  }

  comeBack(): void {
    this.#scripted.accepting = true;
  }

  /** Answers the mounts that were held. */
  answerHeld(): void {
    this.held.clear();
    for (const answer of this.#heldAnswers.splice(0)) answer();
  }

  #forget(): void {
    this.#plainRoots.clear();
    this.#session = undefined;
  }

  #join({ payload }: ReceivedMessage): void {
    if (this.kind === "plain") return;
    const asked = (payload as JsonObject)["session"] as JsonObject | undefined;
    const keep = (asked?.["keep"] ?? []) as readonly JsonValue[];
    if (asked === undefined || asked["id"] !== this.#session?.id) {
      this.#session = { id: `session-${++this.#sessions}`, roots: new Map() };
    }
    for (const rootId of this.#session?.roots.keys() ?? []) {
      if (!keep.includes(rootId)) this.#session?.roots.delete(rootId);
    }
    const session = { id: this.#session?.id ?? "", token: `token-${this.joins}`, idle_timeout_ms: 60_000 };
    this.#scripted.joinReply = { session, features: ["resume"] };
  }

  #mount(id: string, message: ReceivedMessage, proceed: () => void): void {
    const rootId = `Room:${id}`;
    const session = this.#session;
    if (session === undefined) {
      proceed();
      if (!this.refused.has(id)) this.#plainRoots.add(rootId);
      return;
    }
    if (this.refused.has(id)) return this.#scripted.reply(message, "error", { reason: "refused" });
    const { params, resume } = message.payload as { params?: unknown; resume?: { epoch: string; version: number } };
    const kept = session.roots.get(rootId);
    if (resume !== undefined && kept?.epoch === resume.epoch) {
      this.#resumed++;
      this.#scripted.reply(message, "ok", { root_id: rootId, epoch: kept.epoch, resumed: true });
      for (const envelope of kept.log.slice(resume.version)) this.#scripted.push("patch", envelope);
      return;
    }
    const epoch = `epoch-${++this.#epochs}`;
    const envelope = { ...initialEnvelope(rootId, this.#fieldsOf(id, params), {}), epoch };
    session.roots.set(rootId, { epoch, log: [envelope] });
    this.#scripted.reply(message, "ok", { root_id: rootId, epoch, resumed: false });
    this.#scripted.push("patch", envelope);
  }

  #fieldsOf(id: string, params: unknown): { title: string } {
    if (this.refused.has(id)) throw new Error("refused");
    const page = (params as { page?: number } | undefined)?.page;
    return { title: `${this.#titles.get(id) ?? `room ${id}`}${page === undefined ? "" : `, page ${page}`}` };
  }
}
