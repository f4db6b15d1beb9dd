import {
  COMMAND,
  CONNECTION_TOPIC,
  decodeTextFrame,
  encodeTextFrame,
  HEARTBEAT,
  isObject,
  type JsonObject,
  type JsonValue,
  MOUNT,
  PATCH,
  type PatchOp,
  PHOENIX_TOPIC,
  PHX_CLOSE,
  PHX_ERROR,
  PHX_JOIN,
  PHX_LEAVE,
  PHX_REPLY,
  ROOT_DOWN,
  STORE_ID_KEY,
  type StreamOp,
  UNMOUNT,
  type UploadOp,
} from "@musubi/protocol";
import type { SocketLike } from "@musubi/client";
import { Socket } from "phoenix";
import type { FaultyNetwork } from "./faulty-network.js";
import { createMemoryTransport, type MemoryListener, type MemoryPeer } from "./memory-transport.js";

/** A message of the client, on whatever connection it came. */
export interface ReceivedMessage {
  readonly joinRef: string | null;
  readonly ref: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
}

/** A phoenix.js socket, typed by what Musubi asks of one so that nobody needs phoenix.js's types. */
export interface TestSocket extends SocketLike {
  disconnect(callback?: () => void, code?: number, reason?: string): void;
}

/** What beside `ops` an envelope of the scripted server carries. */
export interface EnvelopeExtras {
  readonly stream_ops?: readonly StreamOp[];
  readonly upload_ops?: readonly UploadOp[];
  readonly events?: readonly JsonObject[];
}

/** The fields of a root when it is mounted; what it throws refuses the mount with the error's message as reason. */
export type RenderStore = (id: string, params: unknown) => Readonly<Record<string, unknown>>;

/** What beside its fields the initial envelope of a root carries. */
export type RenderExtras = (id: string) => EnvelopeExtras;

/** Answers a command, now or later; what it throws or rejects with becomes the error reply `{ reason: message }`. */
export type AnswerCommand = (
  payload: unknown,
  context: { readonly rootId: string; readonly storeId: unknown },
) => unknown;

/** Takes a message instead of the server's own answer; `proceed` gives that answer after all, now or later. */
export type Interceptor = (message: ReceivedMessage, proceed: () => void) => void;

interface ServedRoot {
  readonly module: string;
  version: number;
}

/** One client connection: what it joined. A new one begins without roots, as on a server without sessions. */
interface Served {
  readonly peer: MemoryPeer;
  joinRef: string | null;
  readonly roots: Map<string, ServedRoot>;
}

/**
 * A server in this process whose every answer a test can hold back, change or leave out, behind real phoenix.js
 * sockets. Left alone it answers as a plain server does (protocol.md section 2): joins and unmounts with ok, mounts
 * of known modules with ok and the initial envelope, commands by their function.
 */
export class ScriptedServer {
  /** Every message of every client, in order of arrival. */
  readonly received: ReceivedMessage[] = [];
  /** What the join is answered with. */
  joinReply: JsonObject = {};
  /** Makes the `root_id` of a mount; default `<module>:<id>`. */
  rootIdOf: (module: string, id: string) => string = (module, id) => `${module}:${id}`;
  readonly #topic: string;
  readonly #stores = new Map<string, { readonly render: RenderStore; readonly extras: RenderExtras | undefined }>();
  readonly #commands = new Map<string, AnswerCommand>();
  readonly #interceptors = new Map<string, Interceptor>();
  /** Who sent what, so that an answer goes to its asker alone. */
  readonly #senders = new WeakMap<ReceivedMessage, Served>();
  readonly #clients = new Set<Served>();
  #isAccepting = true;

  constructor(options: { readonly topic?: string } = {}) {
    this.#topic = options.topic ?? CONNECTION_TOPIC;
  }

  /** Whether connections are let in; `false` is a server that is down. */
  get accepting(): boolean {
    return this.#isAccepting;
  }

  set accepting(isAccepting: boolean) {
    this.#isAccepting = isAccepting;
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#clients.size;
  }

  /**
   * A real phoenix.js socket to this server, not connected yet, over `network` if one is given. Delays are short:
   * 1 ms.
   */
  createSocket(options: object = {}, network?: FaultyNetwork): TestSocket {
    const listener: MemoryListener = { connect: (_url, peer) => this.#connect(peer) };
    const transport = createMemoryTransport(network?.wrap(listener, this) ?? listener);
    return new Socket("ws://scripted/socket", {
      transport,
      reconnectAfterMs: () => 1,
      rejoinAfterMs: () => 1,
      ...options,
    });
  }

  /**
   * Serves a module: `render` gives the fields of a root when it is mounted, `extras` what else its initial envelope
   * carries, such as the items of its streams.
   */
  store(module: string, render: RenderStore, extras?: RenderExtras): this {
    this.#stores.set(module, { render, extras });
    return this;
  }

  /** Serves a command of every store. */
  command(name: string, answer: AnswerCommand): this {
    this.#commands.set(name, answer);
    return this;
  }

  /** Hands every message with this event to `interceptor`, until the undo is called. One per event. */
  intercept(event: string, interceptor: Interceptor): () => void {
    this.#interceptors.set(event, interceptor);
    return () => {
      if (this.#interceptors.get(event) === interceptor) this.#interceptors.delete(event);
    };
  }

  /** The payloads that came with an event, in order. */
  messages(event: string): unknown[] {
    return this.received.filter((message) => message.event === event).map((message) => message.payload);
  }

  /** Sends the next envelope of a root to every client that has it mounted. */
  patch(rootId: string, ops: readonly PatchOp[], extras: EnvelopeExtras = {}): void {
    for (const client of this.#clients) {
      const root = client.roots.get(rootId);
      if (root === undefined) continue;
      const version = root.version++;
      this.#send(client, PATCH, {
        type: "patch",
        root_id: rootId,
        base_version: version,
        version: root.version,
        ops,
        stream_ops: [],
        ...extras,
      });
    }
  }

  /** Sends the envelope that begins a root, with these fields, to every client; versions start anew. */
  restart(rootId: string, fields: Readonly<Record<string, unknown>>, extras: EnvelopeExtras = {}): void {
    for (const client of this.#clients) {
      const root = client.roots.get(rootId);
      if (root !== undefined) root.version = 1;
      this.#send(client, PATCH, initialEnvelope(rootId, fields, extras));
    }
  }

  /** Sends any event with any payload on the connection channel of every client. */
  push(event: string, payload: unknown): void {
    for (const client of this.#clients) this.#send(client, event, payload);
  }

  /** Ends a root on the server, and says so. */
  down(rootId: string, reason: string, retry: boolean): void {
    for (const client of this.#clients) client.roots.delete(rootId);
    this.push(ROOT_DOWN, { root_id: rootId, reason, retry });
  }

  /** Answers a message that was intercepted; nothing when whoever sent it is gone. */
  reply(message: ReceivedMessage, status: string, response: unknown): void {
    const { joinRef, ref, topic } = message;
    const client = this.#senders.get(message);
    if (client === undefined || !this.#clients.has(client)) return;
    client.peer.send(encodeTextFrame({ joinRef, ref, topic, event: PHX_REPLY, payload: { status, response } }));
  }

  /** Crashes the server's side of the channel: its roots are gone, and phoenix.js rejoins. */
  crash(): void {
    for (const client of this.#clients) this.#endChannel(client, PHX_ERROR, { reason: "channel_crash" });
  }

  /** Closes the channel from the server's side, which is final for phoenix.js's channel object. */
  closeChannel(): void {
    for (const client of this.#clients) this.#endChannel(client, PHX_CLOSE, {});
  }

  /** Cuts every connection without a close frame. */
  cut(code = 1006): void {
    for (const client of this.#clients) client.peer.close(code);
    this.#clients.clear();
  }

  #connect(peer: MemoryPeer): { message(text: string): void; close(code: number): void } | undefined {
    if (!this.#isAccepting) return undefined;
    const client: Served = { peer, joinRef: null, roots: new Map() };
    this.#clients.add(client);
    return {
      message: (text) => {
        if (this.#clients.has(client)) this.#receive(client, text);
      },
      close: () => {
        this.#clients.delete(client);
      },
    };
  }

  #receive(client: Served, text: string): void {
    const message = decodeTextFrame(text) as ReceivedMessage;
    this.received.push(message);
    this.#senders.set(message, client);
    const proceed = (): void => this.#answer(client, message);
    const interceptor = this.#interceptors.get(message.event);
    if (interceptor === undefined) proceed();
    else interceptor(message, proceed);
  }

  #answer(client: Served, message: ReceivedMessage): void {
    const reply = (status: "ok" | "error", response: unknown): void => this.reply(message, status, response);
    const payload = isObject(message.payload) ? message.payload : {};
    if (message.topic === PHOENIX_TOPIC && message.event === HEARTBEAT) return reply("ok", {});
    if (message.topic !== this.#topic) return reply("error", { reason: "unmatched topic" });
    switch (message.event) {
      case PHX_JOIN:
        client.joinRef = message.joinRef;
        client.roots.clear();
        return reply("ok", this.joinReply);
      case PHX_LEAVE:
        client.roots.clear();
        reply("ok", {});
        return this.#endChannel(client, PHX_CLOSE, {});
      case MOUNT:
        return this.#mount(client, String(payload["module"]), String(payload["id"]), payload["params"], reply);
      case UNMOUNT:
        if (client.roots.delete(String(payload["root_id"]))) return reply("ok", {});
        return reply("error", { reason: "unknown root" });
      case COMMAND:
        return this.#command(client, payload, reply);
      default:
        return reply("error", { reason: "unknown event" });
    }
  }

  #mount(
    client: Served,
    module: string,
    id: string,
    params: unknown,
    reply: (status: "ok" | "error", response: unknown) => void,
  ): void {
    const rootId = this.rootIdOf(module, id);
    const store = this.#stores.get(module);
    if (store === undefined) return reply("error", { reason: "unknown module" });
    if (client.roots.has(rootId)) return reply("error", { reason: "already_mounted", root_id: rootId });
    try {
      const fields = store.render(id, params);
      client.roots.set(rootId, { module, version: 1 });
      reply("ok", { root_id: rootId });
      this.#send(client, PATCH, initialEnvelope(rootId, fields, store.extras?.(id) ?? {}));
    } catch (error) {
      reply("error", { reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #command(
    client: Served,
    payload: Readonly<Record<string, unknown>>,
    reply: (status: "ok" | "error", response: unknown) => void,
  ): void {
    const rootId = String(payload["root_id"]);
    const answer = this.#commands.get(String(payload["name"]));
    if (!client.roots.has(rootId)) return reply("error", { reason: "unknown root" });
    if (answer === undefined) return reply("error", { reason: "unknown command" });
    const refuse = (error: unknown): void =>
      reply("error", { reason: error instanceof Error ? error.message : String(error) });
    try {
      const answered = answer(payload["payload"], { rootId, storeId: payload["store_id"] });
      if (answered instanceof Promise) answered.then((late: unknown) => reply("ok", late ?? {}), refuse);
      else reply("ok", answered ?? {});
    } catch (error) {
      refuse(error);
    }
  }

  #endChannel(client: Served, event: string, payload: unknown): void {
    const { joinRef } = client;
    client.roots.clear();
    client.joinRef = null;
    if (joinRef === null) return;
    client.peer.send(encodeTextFrame({ joinRef, ref: joinRef, topic: this.#topic, event, payload }));
  }

  #send(client: Served, event: string, payload: unknown): void {
    if (client.joinRef === null) return;
    client.peer.send(encodeTextFrame({ joinRef: client.joinRef, ref: null, topic: this.#topic, event, payload }));
  }
}

/** The envelope that begins a root with these fields. */
export function initialEnvelope(
  rootId: string,
  fields: Readonly<Record<string, unknown>>,
  extras: EnvelopeExtras,
): JsonObject {
  const value = { [STORE_ID_KEY]: [], ...fields } as JsonValue;
  const ops = [{ op: "replace", path: "", value }];
  return {
    type: "patch",
    root_id: rootId,
    base_version: 0,
    version: 1,
    ops,
    stream_ops: [],
    ...(extras as JsonObject),
  };
}
