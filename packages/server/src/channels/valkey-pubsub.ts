import { randomBytes } from "node:crypto";
import type { Clock, TimerHandle } from "@musubi/protocol";
import { Redis, type RedisOptions } from "iovalkey";
import { systemClock } from "../clock.js";
import { limitsOf, VALKEY_BOUNDS } from "../limits.js";
import { consoleLogger, type Logger } from "../logger.js";
import { createPubSub, type PubSub, type Unsubscribe } from "./pubsub.js";
import { jsonCodec, type MessageCodec } from "./valkey-codec.js";
import { ValkeySubscriptions } from "./valkey-subscriptions.js";

export type { MessageCodec };

export interface ValkeyPubSubOptions {
  /** Goes before every topic; nodes that shall hear each other have the same. Default `"musubi:"`. */
  readonly prefix?: string;
  /** The same on all nodes. Default JSON, in which a `Uint8Array` stays one. */
  readonly codec?: MessageCodec;
  readonly logger?: Logger;
  /** Bytes of messages that may wait for the server. Default 16 MiB; past it messages to other nodes are dropped. */
  readonly maxUnsentBytes?: number;
  /**
   * How long the server may leave a command unanswered before its connection is opened anew, in milliseconds. Default
   * 5 000; idle connections are asked as often.
   */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** How a {@link ValkeyPubSub} fares, for metrics. */
export interface ValkeyInspection {
  /** Both connections are there: this node hears the others, and they hear it. */
  readonly isConnected: boolean;
  /** Bytes of messages that wait for the server. */
  readonly unsentBytes: number;
  /** Messages that may not have reached other nodes, since the beginning. */
  readonly lostMessages: number;
}

/** PubSub over Valkey or Redis, with two connections of its own. */
export interface ValkeyPubSub extends PubSub {
  inspect(): ValkeyInspection;
  /**
   * Closes both connections, after what was published if the server answers, and resolves when they are closed. From
   * then on messages stay within this process.
   */
  close(): Promise<void>;
}

/** What carries the node's name before the encoded message. */
const MESSAGE = /^([\w-]{16}):/;

/**
 * Creates a PubSub between all processes that use one Valkey or Redis server, over `iovalkey`.
 *
 * `server` is a URL, options of `iovalkey`, or a client, of which only the options are taken.
 *
 * - Subscribers in this process get the message itself, at once, whether or not the server can be reached. The others
 *   get what the codec makes of it: what one node publishes arrives in its order.
 * - Delivery is **at most once**, as pub/sub of Valkey is. A node hears what others publish on a topic from the moment
 *   the server has taken its subscription, one round trip after the first `subscribe`. While it is cut off from the
 *   server what is published on either side is lost to the other; connections and subscriptions come back by themselves.
 * - The server holds one subscription per topic that has subscribers in this process, and no pattern.
 * - Nothing here throws once it is made, `invalid_usage` for a limit that can be none: what goes wrong is logged, once
 *   per outage.
 */
export function createValkeyPubSub(
  server: string | RedisOptions | Redis,
  options: ValkeyPubSubOptions = {},
): ValkeyPubSub {
  return new Adapter(server, options);
}

class Adapter implements ValkeyPubSub {
  readonly #node = randomBytes(12).toString("base64url");
  readonly #prefix: string;
  readonly #codec: MessageCodec;
  readonly #logger: Logger;
  readonly #maxUnsentBytes: number;
  readonly #clock: Clock;
  readonly #local: PubSub;
  readonly #subscriptions: ValkeySubscriptions;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  #unsentBytes = 0;
  /** Messages lost since the last one that was not. */
  #lost = 0;
  #lostMessages = 0;
  #timer: TimerHandle;
  #closed: Promise<void> | undefined;

  constructor(server: string | RedisOptions | Redis, options: ValkeyPubSubOptions) {
    this.#prefix = options.prefix ?? "musubi:";
    this.#codec = options.codec ?? jsonCodec;
    this.#logger = options.logger ?? consoleLogger;
    const { maxUnsentBytes, timeoutMs } = limitsOf(VALKEY_BOUNDS, options);
    this.#maxUnsentBytes = maxUnsentBytes;
    this.#clock = options.clock ?? systemClock;
    this.#local = createPubSub(this.#logger);
    this.#publisher = this.#connect(server, timeoutMs, "publisher");
    this.#subscriber = this.#connect(server, timeoutMs, "subscriber");
    this.#subscriptions = new ValkeySubscriptions((command, topics) => this.#ask(command, topics));
    // What was sent before may be lost, and what was not is not kept.
    this.#subscriber.on("ready", () => this.#subscriptions.opened());
    this.#subscriber.on("close", () => this.#subscriptions.closed());
    this.#subscriber.on("message", (topic, text) => this.#receive(topic.slice(this.#prefix.length), text));
    this.#timer = this.#schedule(timeoutMs);
  }

  publish(topic: string, message: unknown): void {
    // First, so that what a listener publishes in turn follows it elsewhere too.
    if (this.#closed === undefined) this.#send(topic, message);
    this.#local.publish(topic, message);
  }

  subscribe(topic: string, listener: (message: unknown) => void): Unsubscribe {
    const undo = this.#local.subscribe(topic, listener);
    this.#subscriptions.add(topic);
    let isUndone = false;
    return () => {
      if (isUndone) return;
      isUndone = true;
      undo();
      this.#subscriptions.remove(topic);
    };
  }

  inspect(): ValkeyInspection {
    return {
      isConnected: this.#publisher.status === "ready" && this.#subscriber.status === "ready",
      unsentBytes: this.#unsentBytes,
      lostMessages: this.#lostMessages,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    this.#subscriptions.closed();
    const ended = [this.#publisher, this.#subscriber].map((client) => ending(client));
    this.#subscriber.disconnect();
    // QUIT comes after all that was published; the socket's timeout bounds it.
    if (this.#publisher.status === "ready") this.#publisher.quit().catch(ignore);
    else this.#publisher.disconnect();
    await Promise.all(ended);
  }

  #connect(server: string | RedisOptions | Redis, timeoutMs: number, connection: string): Redis {
    const own: RedisOptions = {
      lazyConnect: false,
      // A command belongs to one attempt to connect: what waits has gone when that fails, and nothing is sent twice.
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      enableOfflineQueue: true,
      socketTimeout: timeoutMs,
      disconnectTimeout: 0,
    };
    const client =
      typeof server === "string"
        ? new Redis(server, own)
        : "duplicate" in server
          ? server.duplicate(own)
          : new Redis({ ...server, ...own });
    let isDown = false;
    client.on("error", (err) => {
      if (!isDown) this.#logger.warn({ err, connection }, "Valkey cannot be reached: nodes do not hear each other");
      isDown = true;
    });
    client.on("ready", () => {
      if (isDown) this.#logger.info({ connection }, "Valkey can be reached again");
      isDown = false;
    });
    return client;
  }

  /** Finds connections that are dead and do not know: an answer that stays away closes them. */
  #schedule(delayMs: number): TimerHandle {
    return this.#clock.setTimeout(() => {
      for (const client of [this.#publisher, this.#subscriber]) {
        if (client.status === "ready") client.ping().catch(ignore);
      }
      this.#timer = this.#schedule(delayMs);
    }, delayMs);
  }

  async #ask(command: "subscribe" | "unsubscribe", topics: readonly string[]): Promise<void> {
    // It has gone, and will say so in a moment: what is asked now would be asked of the next one.
    if (this.#subscriber.status !== "ready") return;
    try {
      await this.#subscriber[command](...topics.map((topic) => this.#prefix + topic));
    } catch (err) {
      if (this.#closed === undefined) this.#logger.warn({ err, topics: topics.slice(0, 10) }, `could not ${command}`);
    }
  }

  #send(topic: string, message: unknown): void {
    let text: string;
    try {
      text = `${this.#node}:${this.#codec.encode(message)}`;
    } catch (err) {
      this.#logger.error({ err, topic }, "a message cannot be encoded: it stays in this process");
      return;
    }
    const bytes = Buffer.byteLength(text);
    if (this.#unsentBytes + bytes > this.#maxUnsentBytes) {
      this.#lose(new Error(`${this.#unsentBytes} bytes are waiting`));
      return;
    }
    this.#unsentBytes += bytes;
    this.#publisher.publish(this.#prefix + topic, text).then(
      () => {
        this.#unsentBytes -= bytes;
        if (this.#lost > 0) this.#logger.info({ lost: this.#lost }, "messages reach other nodes again");
        this.#lost = 0;
      },
      (err: unknown) => {
        this.#unsentBytes -= bytes;
        this.#lose(err);
      },
    );
  }

  #lose(err: unknown): void {
    if (this.#lost === 0) this.#logger.warn({ err }, "messages to other nodes are lost");
    this.#lost += 1;
    this.#lostMessages += 1;
  }

  #receive(topic: string, text: string): void {
    const node = MESSAGE.exec(text)?.[1];
    // Subscribers here had it when it was published.
    if (node === this.#node) return;
    let message: unknown;
    try {
      if (node === undefined) throw new Error("it does not say who sent it");
      message = this.#codec.decode(text.slice(node.length + 1));
    } catch (err) {
      this.#logger.warn({ err, topic }, "a malformed message was dropped");
      return;
    }
    this.#local.publish(topic, message);
  }
}

/** Resolves when a client that is told to close has done so. */
function ending(client: Redis): Promise<void> {
  // One that waits for its next attempt has no connection, and says nothing more.
  if (client.status === "end" || client.status === "reconnecting") return Promise.resolve();
  return new Promise((resolve) => client.once("end", () => resolve()));
}

function ignore(): void {}
