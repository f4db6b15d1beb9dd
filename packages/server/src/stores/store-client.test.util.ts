import {
  type Clock,
  decodeTextFrame,
  type Envelope,
  encodeTextFrame,
  type JsonObject,
  type JsonValue,
  PATCH,
  parseEnvelope,
  type StoreId,
} from "@musubi/protocol";
import { ChannelRouter } from "../channels/channel-router.js";
import { createPubSub, type PubSub } from "../channels/pubsub.js";
import { DEFAULT_SESSION_LIMITS } from "../channels/session-limits.js";
import { SocketSession } from "../channels/socket-session.js";
import { systemClock } from "../clock.js";
import type { Logger } from "../logger.js";
import { connectionChannel } from "./connection-channel.js";
import type { RootEnvironment } from "./root-options.js";
import { RootCopy } from "./root-copy.js";
import { SlowClients } from "./outlet/slow-clients.js";
import { RootRegistry } from "./root-registry.js";
import type { AnyStore } from "./store-types.js";

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  readonly #timers = new Map<number, { readonly due: number; readonly callback: () => void }>();
  #now = 0;
  #next = 0;

  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    this.#timers.set(this.#next, { due: this.#now + delayMs, callback });
    return this.#next++;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as number);
  }

  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.due <= until).sort(([, a], [, b]) => a.due - b.due)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = due[1].due;
      due[1].callback();
    }
    this.#now = until;
  }
}

/** Keeps what was logged. */
export class LogRecorder implements Logger {
  readonly entries: { readonly level: string; readonly details: object; readonly message: string }[] = [];

  debug(details: object, message: string): void {
    this.entries.push({ level: "debug", details, message });
  }

  info(details: object, message: string): void {
    this.entries.push({ level: "info", details, message });
  }

  warn(details: object, message: string): void {
    this.entries.push({ level: "warn", details, message });
  }

  error(details: object, message: string): void {
    this.entries.push({ level: "error", details, message });
  }

  /** What was logged as an error: the messages of its causes. */
  get causes(): string[] {
    return this.entries
      .filter(({ level }) => level === "error")
      .map(({ details }) => String((details as { err?: { message?: string } }).err?.message));
  }
}

export interface Reply {
  readonly status: string;
  readonly response: JsonObject;
}

/** What the client was sent, in order. */
export type Received =
  | { readonly kind: "reply"; readonly to: string; readonly status: string; readonly response: JsonObject }
  | { readonly kind: "push"; readonly event: string; readonly payload: JsonObject };

export interface StoreServerOptions extends Partial<RootEnvironment> {
  readonly maxRoots?: number;
  readonly maxTotalRoots?: number;
  readonly maxParamsBytes?: number;
}

/** The connection channel on the real channel runtime, without a socket: clients get and send encoded frames. */
export class StoreServer {
  readonly log = new LogRecorder();
  readonly pubsub: PubSub = createPubSub(this.log);
  readonly registry = new RootRegistry();
  readonly clock: Clock;
  readonly #router: ChannelRouter;

  constructor(stores: readonly AnyStore[], options: StoreServerOptions = {}) {
    const { maxRoots = 200, maxTotalRoots = 1_000, maxParamsBytes = 65_536, ...environment } = options;
    this.clock = options.clock ?? systemClock;
    const definition = connectionChannel({
      stores: new Map(stores.map((store) => [store.module, store])),
      registry: this.registry,
      maxRoots,
      maxTotalRoots,
      maxParamsBytes,
      environment: {
        clock: this.clock,
        logger: this.log,
        pubsub: this.pubsub,
        freeze: true,
        handlerTimeoutMs: 30_000,
        mountTimeoutMs: 10_000,
        maxMailbox: 1_000,
        maxAsync: 64,
        maxResources: 1_000,
        hooks: [],
        slowClients: new SlowClients(),
        ...environment,
      },
    });
    this.#router = new ChannelRouter([definition as never]);
  }

  /** A client that has joined the connection channel. */
  async connect(user?: unknown): Promise<StoreClient> {
    const client: StoreClient = new StoreClient((transport) => {
      const environment = {
        router: this.#router,
        pubsub: this.pubsub,
        logger: this.log,
        clock: this.clock,
        limits: DEFAULT_SESSION_LIMITS,
      };
      return new SocketSession(environment, transport, {
        id: null,
        params: {},
        headers: {},
        user,
        unsentBytes: () => client.line.unsentBytes,
        whenDrained: (listener) => client.line.whenDrained(listener),
      });
    });
    await client.push("phx_join", {});
    return client;
  }
}

type OpenSession = (transport: ConstructorParameters<typeof SocketSession>[1]) => SocketSession;

/** The line to a client, to be slowed down. */
export class Line {
  unsentBytes = 0;
  readonly #listeners = new Set<() => void>();

  get waiting(): number {
    return this.#listeners.size;
  }

  whenDrained(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** All that waited has been sent; by then `left` bytes wait again. */
  drain(left = 0): void {
    this.unsentBytes = left;
    const told = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of told) listener();
  }
}

/** A client that keeps what it got, and applies envelopes as protocol.md sections 3 to 5 say. */
export class StoreClient {
  readonly received: Received[] = [];
  readonly envelopes: Envelope[] = [];
  readonly roots = new Map<string, RootCopy>();
  readonly line = new Line();
  readonly #session: SocketSession;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  #ref = 0;

  constructor(open: OpenSession) {
    this.#session = open({ send: (message) => this.#receive(String(message.data)), close: () => {} });
  }

  /** Sends a message; resolves with its reply. */
  push(event: string, payload: unknown): Promise<Reply> {
    const ref = String(++this.#ref);
    const reply = new Promise<Reply>((resolve) => {
      this.#waiting.set(ref, resolve);
    });
    const frame = { joinRef: "1", ref, topic: "musubi:connection", event, payload: payload as JsonValue };
    this.#session.receiveText(encodeTextFrame(frame));
    return reply;
  }

  /** Mounts a root and resolves with the reply's root id; rejects with the refusal. */
  async mount(module: string, id = "1", params: JsonValue = {}): Promise<string> {
    const { status, response } = await this.push("mount", { module, id, params });
    if (status !== "ok") throw new Error(`mount refused: ${JSON.stringify(response)}`);
    await turns();
    return response["root_id"] as string;
  }

  command(rootId: string, name: string, payload: JsonValue = {}, storeId: StoreId = []): Promise<Reply> {
    return this.push("command", { root_id: rootId, store_id: storeId, name, payload });
  }

  tree(rootId: string): JsonValue {
    return this.roots.get(rootId)?.tree ?? null;
  }

  /** The items of a stream. */
  items(rootId: string, stream: string, storeId: StoreId = []): JsonValue[] {
    return this.roots.get(rootId)?.items(storeId, stream) ?? [];
  }

  /** The transport drops. */
  async drop(): Promise<void> {
    this.#session.transportClosed();
    await this.#session.drained();
  }

  #receive(text: string): void {
    const { ref, event, payload } = decodeTextFrame(text);
    if (event === "phx_reply") {
      const reply = payload as unknown as Reply;
      this.received.push({ kind: "reply", to: ref as string, ...reply });
      this.#waiting.get(ref as string)?.(reply);
      return;
    }
    this.received.push({ kind: "push", event: event as string, payload: payload as JsonObject });
    if (event === PATCH) this.#apply(parseEnvelope(payload));
  }

  #apply(envelope: Envelope): void {
    this.envelopes.push(envelope);
    const root = this.roots.get(envelope.root_id) ?? new RootCopy();
    root.apply(envelope);
    this.roots.set(envelope.root_id, root);
  }
}

/** Lets everything that is ready run. */
export async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise that is settled from outside. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(cause: Error): void;
}

export function gate<T = void>(): Gate<T> {
  const settle: { open?: (value: T) => void; fail?: (cause: Error) => void } = {};
  const promise = new Promise<T>((resolve, reject) => {
    settle.open = resolve;
    settle.fail = reject;
  });
  return { promise, open: (value) => settle.open?.(value), fail: (cause) => settle.fail?.(cause) };
}
