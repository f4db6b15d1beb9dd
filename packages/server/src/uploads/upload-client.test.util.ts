import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeTextFrame,
  type Envelope,
  encodeBinaryPush,
  encodeTextFrame,
  type JsonValue,
  type UploadOp,
} from "@musubi/protocol";
import { ChannelRouter } from "../channels/channel-router.js";
import { createPubSub } from "../channels/pubsub.js";
import { DEFAULT_SESSION_LIMITS } from "../channels/session-limits.js";
import { SocketSession } from "../channels/socket-session.js";
import { connectionChannel } from "../stores/connection-channel.js";
import { SlowClients } from "../stores/outlet/slow-clients.js";
import { RootRegistry } from "../stores/root-registry.js";
import { Line, LogRecorder, ManualClock, type Reply } from "../stores/store-client.test.util.js";
import type { AnyStore } from "../stores/store-types.js";
import { uploadChannel } from "./upload-channel.js";
import { type UploadOptions, UploadService } from "./upload-service.js";

/** The channels of a server with uploads on the real runtime, without sockets: clients get and send encoded frames. */
export class UploadServer {
  readonly clock: ManualClock = new ManualClock();
  readonly log: LogRecorder = new LogRecorder();
  readonly directory: string = mkdtempSync(join(tmpdir(), "musubi-uploads-test-"));
  readonly service: UploadService;
  readonly #pubsub = createPubSub(this.log);
  readonly #registry = new RootRegistry();
  readonly #router: ChannelRouter;

  constructor(stores: readonly AnyStore[], options: UploadOptions = {}) {
    this.service = new UploadService({ directory: this.directory, ...options }, this.clock, this.log);
    const connection = connectionChannel({
      stores: new Map(stores.map((store) => [store.module, store])),
      registry: this.#registry,
      maxRoots: 10,
      maxTotalRoots: 100,
      maxParamsBytes: 65_536,
      environment: {
        clock: this.clock,
        logger: this.log,
        pubsub: this.#pubsub,
        freeze: true,
        handlerTimeoutMs: 30_000,
        mountTimeoutMs: 10_000,
        maxMailbox: 1_000,
        maxAsync: 64,
        maxResources: 1_000,
        hooks: [],
        slowClients: new SlowClients(),
        uploads: this.service,
      },
    });
    this.#router = new ChannelRouter([connection as never, uploadChannel(this.service) as never]);
  }

  /** A client that has joined the connection channel. */
  async connect(user: unknown = "ada"): Promise<UploadClient> {
    const client: UploadClient = new UploadClient((transport) => {
      const limits = { ...DEFAULT_SESSION_LIMITS, maxJoinsPerSecond: 1_000_000, maxPushesPerSecond: 1_000_000 };
      const environment = { router: this.#router, pubsub: this.#pubsub, logger: this.log, clock: this.clock, limits };
      const socket = {
        id: null,
        params: {},
        headers: {},
        user,
        unsentBytes: () => client.line.unsentBytes,
        whenDrained: (listener: () => void) => client.line.whenDrained(listener),
      };
      return new SocketSession(environment, transport, socket);
    });
    await client.join("musubi:connection", {});
    return client;
  }

  /** Temp files that are there. */
  files(): string[] {
    return readdirSync(this.directory, { recursive: true, encoding: "utf8" }).filter((name) =>
      /[\\/](?!heartbeat$)/.test(name),
    );
  }

  /** Ends everything; resolves with what is left of it. */
  async close(): Promise<{ readonly timers: number; readonly files: string[] }> {
    await this.#registry.close(this.clock, 1_000);
    await this.service.close();
    const left = { timers: this.clock.pending, files: readdirSync(this.directory) };
    rmSync(this.directory, { recursive: true, force: true });
    return left;
  }
}

type OpenSession = (transport: ConstructorParameters<typeof SocketSession>[1]) => SocketSession;

/** A client that checks nothing and keeps what it got. */
export class UploadClient {
  readonly envelopes: Envelope[] = [];
  readonly line = new Line();
  /** Topics that the server has closed. */
  readonly closed: string[] = [];
  /** Ops of uploads and ends of their channels, in the order they came. */
  readonly log: string[] = [];
  readonly #session: SocketSession;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  readonly #joinRefs = new Map<string, string>();
  #ref = 0;

  constructor(open: OpenSession) {
    this.#session = open({ send: (message) => this.#receive(String(message.data)), close: () => {} });
  }

  /** Ops of uploads, in order. */
  get ops(): UploadOp[] {
    return this.envelopes.flatMap(({ upload_ops = [] }) => upload_ops);
  }

  join(topic: string, payload: object): Promise<Reply> {
    this.#joinRefs.set(topic, String(this.#ref + 1));
    return this.#push(topic, "phx_join", payload);
  }

  leave(topic: string): Promise<Reply> {
    return this.#push(topic, "phx_leave", {});
  }

  /** Sends a message about the root `A:1`. */
  push(event: string, payload: object): Promise<Reply> {
    return this.#push("musubi:connection", event, { root_id: "A:1", ...payload });
  }

  mount(): Promise<Reply> {
    return this.push("mount", { module: "A", id: "1", params: {} });
  }

  command(name: string, payload: object = {}): Promise<Reply> {
    return this.push("command", { store_id: [], name, payload });
  }

  /** Announces a file; resolves with its ref and token. */
  async allow(
    size: number,
    name = "file",
    storeId: readonly string[] = [],
  ): Promise<{ readonly ref: string; readonly token: string }> {
    const entries = [{ client_ref: "1", name: "a.bin", size, type: "" }];
    const { response } = await this.push("allow_upload", { store_id: storeId, name, entries });
    const answer = (response["entries"] as Record<string, { entry_ref: string; token: string }> | undefined)?.["1"];
    if (answer === undefined) throw new Error(JSON.stringify(response));
    return { ref: answer.entry_ref, token: answer.token };
  }

  open({ ref, token }: { readonly ref: string; readonly token: unknown }): Promise<Reply> {
    return this.join(`musubi_upload:${ref}`, { token });
  }

  /** Sends bytes on an entry's channel, under its latest join or the given one. */
  chunk(entryRef: string, bytes: Uint8Array, joinRef?: string): Promise<Reply> {
    const topic = `musubi_upload:${entryRef}`;
    const ref = String(++this.#ref);
    const frame = encodeBinaryPush(joinRef ?? this.#joinRefs.get(topic) ?? null, ref, topic, "chunk", bytes);
    const reply = this.#await(ref);
    this.#session.receiveBinary(frame);
    return reply;
  }

  /** The transport drops: what waits for an answer gets `{ status: "dropped" }`. */
  async drop(): Promise<void> {
    this.#session.transportClosed();
    for (const settle of this.#waiting.values()) settle({ status: "dropped", response: {} });
    this.#waiting.clear();
    await this.#session.drained();
  }

  #push(topic: string, event: string, payload: object): Promise<Reply> {
    const ref = String(++this.#ref);
    const reply = this.#await(ref);
    const frame = { joinRef: this.#joinRefs.get(topic) ?? null, ref, topic, event, payload: payload as JsonValue };
    this.#session.receiveText(encodeTextFrame(frame));
    return reply;
  }

  #await(ref: string): Promise<Reply> {
    return new Promise((resolve) => this.#waiting.set(ref, resolve));
  }

  #receive(text: string): void {
    const { ref, topic, event, payload } = decodeTextFrame(text);
    if (event === "phx_reply") {
      this.#waiting.get(ref as string)?.(payload as unknown as Reply);
      this.#waiting.delete(ref as string);
    } else if (event === "phx_close") {
      this.closed.push(topic as string);
      this.log.push("close");
    } else if (event === "patch") {
      const envelope = payload as unknown as Envelope;
      this.envelopes.push(envelope);
      this.log.push(...(envelope.upload_ops ?? []).map(({ op }) => op));
    }
  }
}

/** Random integers that a seed repeats. */
export class Dice {
  readonly seed: number;
  #state: number;

  constructor(seed: number = Math.floor(Math.random() * 2 ** 31)) {
    this.seed = seed;
    this.#state = (seed % 2_147_483_646) + 1;
  }

  below(limit: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state % limit;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}
