import { COMMAND, isObject, type JsonValue, MOUNT, PATCH, ROOT_DOWN, SETTLED, STORE_ID_KEY } from "@musubi/protocol";
import { type Change, listsOf } from "./change.js";
import { difference, show } from "./match.js";
import type { ClientPush } from "./scenario-server.js";
import { type Stage, splitName } from "./stage.js";

/** What a server renders of a root: its fields, without the store id of the root. */
export type Fields = Readonly<Record<string, unknown>>;

/** Members of an envelope that are set by hand, right or wrong. */
export interface EnvelopeMembers {
  /** `base_version`; default the server's version. */
  readonly from?: unknown;
  /** `version`; default `from` + 1. */
  readonly to?: unknown;
  readonly epoch?: unknown;
  readonly ops?: unknown;
  readonly stream_ops?: unknown;
  readonly upload_ops?: unknown;
  readonly events?: unknown;
  readonly type?: unknown;
  readonly [member: string]: unknown;
}

/** Which push an answer is for, when there are several of one event: that of a root. */
export interface AnswerTo {
  readonly of?: string;
}

/** The server's side of the steps: it numbers envelopes and finds the push that an answer is for. */
export class ServerScript {
  readonly #stage: Stage;
  readonly #rootIds = new Map<string, string>();
  readonly #versions = new Map<string, number>();
  readonly #last = new Map<string, object>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** What the server calls a root: `Module:id`, unless it answered its mount otherwise. */
  rootId(name: string): string {
    return this.#rootIds.get(name) ?? name;
  }

  /** The next push of the client that no step has named must be this one. */
  async expectPush(event: string, payload?: unknown): Promise<void> {
    const { server } = this.#stage;
    const next = (): ClientPush | undefined => server.pushes.find((push) => !push.isNamed);
    await this.#stage.until(() => (next() === undefined ? `the client pushed no ${event}` : undefined));
    const push = next() as ClientPush;
    if (push.event !== event) throw new Error(`the client pushed ${push.event} ${show(push.payload)}, not ${event}`);
    const wrong = payload === undefined ? undefined : difference(push.payload, payload);
    if (wrong !== undefined) throw new Error(`the client pushed another ${event}: ${wrong}`);
    push.isNamed = true;
  }

  /** Answers the oldest unanswered push of an event; when no step has named it yet, it must be the next one. */
  async answer(event: string, status: string, response: unknown, { of }: AnswerTo = {}): Promise<ClientPush> {
    const { server } = this.#stage;
    const find = (): ClientPush | undefined =>
      server.pushes.find(
        (push) => push.event === event && !push.isAnswered && (of === undefined || this.#isOf(push, of)),
      );
    const what = of === undefined ? event : `${event} of ${of}`;
    await this.#stage.until(() => (find() === undefined ? `no ${what} of the client waits for an answer` : undefined));
    const push = find() as ClientPush;
    if (!push.isNamed) await this.expectPush(event, push.payload);
    if (event === MOUNT && status === "ok") this.#learn(push, response);
    server.reply(push, status, response);
    return push;
  }

  /** Answers a command. */
  async reply(command: string, status: "ok" | "error", response: unknown): Promise<void> {
    const { server } = this.#stage;
    const find = (): ClientPush | undefined =>
      server.pushes.find((push) => push.event === COMMAND && !push.isAnswered && nameOf(push) === command);
    const missing = `no command "${command}" of the client waits for a reply`;
    await this.#stage.until(() => (find() === undefined ? missing : undefined));
    const push = find() as ClientPush;
    if (!push.isNamed) await this.expectPush(COMMAND, push.payload);
    server.reply(push, status, response);
  }

  /** Answers a mount ok, and begins the root. */
  async mount(name: string, fields: Fields, changes: readonly Change[]): Promise<void> {
    await this.answer(MOUNT, "ok", { root_id: this.rootId(name) }, { of: name });
    this.begin(name, fields, changes);
  }

  /** Sends the envelope that begins a root, 0 to 1. */
  begin(name: string, fields: Fields, changes: readonly Change[], members: EnvelopeMembers = {}): void {
    const value = { [STORE_ID_KEY]: [], ...fields } as JsonValue;
    this.#versions.set(name, 0);
    this.send(name, [{ op: "replace", path: "", value }, ...changes], members);
  }

  /** Sends the next envelope; with `members` it says what they say, and the server's own version stays. */
  send(name: string, changes: readonly Change[], members: EnvelopeMembers = {}): void {
    const envelope = this.#next(name, changes, members);
    this.#stage.server.push(PATCH, envelope);
    this.#last.set(name, envelope);
  }

  /** Takes a version for an envelope that never arrives. */
  lose(name: string, changes: readonly Change[]): void {
    this.#next(name, changes, {});
  }

  /** Sends the last envelope once more. */
  repeat(name: string): void {
    const last = this.#last.get(name);
    if (last === undefined) throw new Error(`no envelope of "${name}" was sent yet`);
    this.#stage.server.push(PATCH, last);
  }

  end(name: string, reason: string, retry: boolean): void {
    this.#stage.server.push(ROOT_DOWN, { root_id: this.rootId(name), reason, retry });
  }

  settle(name: string, commandId: number): void {
    const version = this.#versions.get(name) ?? 0;
    this.#stage.server.push(SETTLED, { root_id: this.rootId(name), command_id: commandId, version });
  }

  #next(name: string, changes: readonly Change[], members: EnvelopeMembers): object {
    const version = this.#versions.get(name) ?? 0;
    const { from = version, to = typeof from === "number" ? from + 1 : from, ...others } = members;
    if (members.from === undefined && members.to === undefined) this.#versions.set(name, version + 1);
    const numbers = { base_version: from, version: to };
    return { type: "patch", root_id: this.rootId(name), ...numbers, ...listsOf(changes), ...others };
  }

  #learn(push: ClientPush, response: unknown): void {
    const payload = isObject(push.payload) ? push.payload : {};
    const rootId = isObject(response) ? response["root_id"] : undefined;
    this.#rootIds.set(`${String(payload["module"])}:${String(payload["id"])}`, String(rootId ?? payload["id"]));
  }

  #isOf(push: ClientPush, name: string): boolean {
    const payload = isObject(push.payload) ? push.payload : {};
    if (push.event !== MOUNT) return payload["root_id"] === this.rootId(name);
    const [module, id] = splitName(name);
    return payload["module"] === module && payload["id"] === id;
  }
}

function nameOf(push: ClientPush): unknown {
  return isObject(push.payload) ? push.payload["name"] : undefined;
}
