import { randomBytes } from "node:crypto";
import { type Clock, type ErrorCode, MusubiError, type TimerHandle } from "@musubi/protocol";
import { systemClock } from "../../clock.js";
import { limitsOf, PRESENCE_BOUNDS } from "../../limits.js";
import type { Broadcast } from "../broadcast.js";
import type { ChannelContext } from "../channel.js";
import type { LiveContext } from "../channel-context.js";
import type { PubSub } from "../pubsub.js";
import type { PresenceDiff, Presences } from "./directory.js";
import { type Entry, isNodeMessage, type NodeMessage, type PresenceMeta } from "./messages.js";
import { PresenceState, type Step } from "./presence-state.js";

/** Names of the events that phoenix.js's `Presence` listens to. */
const STATE = "presence_state";
const DIFF = "presence_diff";

/** Signs of life that a node may leave out before it counts as dead. */
const MISSED_BEATS = 4;

export interface PresenceOptions {
  /** The one that the endpoint has: nodes meet on it. */
  readonly pubsub: PubSub;
  /** Tells several presences on one PubSub apart. Default `"presence"`. */
  readonly name?: string;
  /**
   * Milliseconds between two signs of life of this node; the same for all nodes. Default 5 000: entries of a process
   * that died go five of them, 25 s, after its last one at the latest.
   */
  readonly heartbeatMs?: number;
  /**
   * Bytes of a key with its meta, as JSON. Default 16 KiB; more is refused: every node keeps it, and every client on the
   * topic is sent it.
   */
  readonly maxEntryBytes?: number;
  /** Keys that one channel tracks at once. Default 100; more are refused as `overloaded`. */
  readonly maxKeys?: number;
  /**
   * Presences of all nodes. Default 100 000; past it `track` throws `overloaded`, and a node whose own do not fit beside
   * the others is left out until they do.
   */
  readonly maxEntries?: number;
  readonly clock?: Clock;
}

/** What is present for as long as its signal is not aborted: a channel's context, or anything else on a topic. */
export type Presentee = Pick<ChannelContext, "topic" | "signal">;

/** Who is on which topic, over all nodes; what `Phoenix.Presence` is for Phoenix. */
export interface Presence {
  /**
   * Makes a key present on the topic, with a meta of its own beside those that others track under the same key. It
   * ends with the channel. Does nothing for a channel that has ended; throws `invalid_usage` for a key that this one
   * tracks already, and for a meta that is no JSON object, `too_large` past `maxEntryBytes`, `overloaded` past `maxKeys`
   * and `maxEntries`.
   */
  track(at: Presentee, key: string, meta?: object): void;
  /** Gives a key that this one tracks another meta, under a new `phx_ref`. Throws `invalid_usage` for any other key. */
  update(at: Presentee, key: string, meta: object | ((meta: PresenceMeta) => object)): void;
  /** Ends a key of this one, or all of them. */
  untrack(at: Presentee, key?: string): void;
  /** Who is on a topic, as far as this node has heard. */
  list(topic: string): Presences;
  /**
   * Sends the client `presence_state` and, from then on, each `presence_diff`. To be called in `join`: both follow its
   * answer, whatever happens meanwhile.
   */
  watch(ctx: ChannelContext): void;
  /** Tells the other nodes goodbye, whose clients see this node's entries leave. Nothing is sent or heard from then on. */
  close(): void;
}

/** Creates the presence of this node. It never keeps the process alive. */
export function createPresence(options: PresenceOptions): Presence {
  return new PresenceNode(options);
}

/** Drives {@link PresenceState}: PubSub, the timer, and the contexts that track and watch. */
class PresenceNode implements Presence {
  readonly #pubsub: PubSub;
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #maxEntryBytes: number;
  readonly #maxKeys: number;
  readonly #topic: string;
  readonly #state: PresenceState;
  readonly #tracked = new Map<Presentee, Map<string, Entry>>();
  /** Those whose end is listened for: once each, however often they track and untrack. */
  readonly #bound = new WeakSet<Presentee>();
  /** By topic: who watches, and the last diff that its `presence_state` held already. */
  readonly #watchers = new Map<string, Map<ChannelContext, number>>();
  /** Diffs to tell, in order: telling one can bring about the next. */
  readonly #queue: { readonly topic: string; readonly number: number; readonly broadcast: Broadcast }[] = [];
  #diffs = 0;
  #isTelling = false;
  #isClosed = false;
  #timer: TimerHandle;
  readonly #unsubscribes: readonly (() => void)[];

  constructor(options: PresenceOptions) {
    const { pubsub, name = "presence", clock = systemClock } = options;
    const { heartbeatMs, maxEntryBytes, maxKeys, maxEntries } = limitsOf(PRESENCE_BOUNDS, options);
    this.#maxEntryBytes = maxEntryBytes;
    this.#maxKeys = maxKeys;
    this.#pubsub = pubsub;
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
    this.#topic = `musubi:presence:${name}`;
    this.#state = new PresenceState(randomBytes(9).toString("base64url"), MISSED_BEATS * heartbeatMs, maxEntries);
    const hear = (message: unknown): void => {
      if (isNodeMessage(message)) this.#do(this.#state.receive(message, clock.now()));
    };
    this.#unsubscribes = [null, this.#state.id].map((node) => pubsub.subscribe(this.#addressOf(node), hear));
    this.#timer = this.#schedule();
    this.#do(this.#state.begin());
  }

  track(at: Presentee, key: string, meta: object = {}): void {
    const held = this.#tracked.get(at);
    if (held?.has(key) === true) throw this.#misuse(at, key, "is tracked already: update it");
    if ((held?.size ?? 0) >= this.#maxKeys || this.#state.isFull) {
      throw this.#misuse(at, key, "is one too many", "overloaded");
    }
    this.#put(at, key, meta, null);
  }

  update(at: Presentee, key: string, meta: object | ((meta: PresenceMeta) => object)): void {
    if (at.signal.aborted) return;
    const entry = this.#tracked.get(at)?.get(key);
    if (entry === undefined) throw this.#misuse(at, key, "is not tracked by this channel: track it first");
    this.#put(at, key, typeof meta === "function" ? meta(entry.meta) : meta, entry);
  }

  untrack(at: Presentee, key?: string): void {
    const held = this.#tracked.get(at);
    if (held === undefined) return;
    const removed = [...held.values()].filter((entry) => key === undefined || entry.key === key);
    for (const entry of removed) held.delete(entry.key);
    if (held.size === 0) this.#tracked.delete(at);
    if (removed.length > 0) this.#do(this.#state.change(null, removed));
  }

  list(topic: string): Presences {
    return this.#state.list(topic);
  }

  watch(ctx: ChannelContext): void {
    const { topic, signal } = ctx;
    if (signal.aborted || this.#isClosed) return;
    const watchers = this.#watchers.get(topic) ?? new Map<ChannelContext, number>();
    if (!watchers.has(ctx)) {
      const forget = (): void => {
        watchers.delete(ctx);
        if (watchers.size === 0 && this.#watchers.get(topic) === watchers) this.#watchers.delete(topic);
      };
      signal.addEventListener("abort", forget, { once: true });
    }
    this.#watchers.set(topic, watchers.set(ctx, this.#diffs));
    ctx.push(STATE, this.#state.list(topic));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#send(null, { kind: "bye", from: this.#state.id });
    this.#isClosed = true;
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    this.#clock.clearTimeout(this.#timer);
    this.#watchers.clear();
    this.#tracked.clear();
  }

  #put(at: Presentee, key: string, meta: object, former: Entry | null): void {
    if (at.signal.aborted || this.#isClosed) return;
    const step = this.#state.next;
    const refs = {
      phx_ref: this.#state.id + step.toString(36),
      ...(former === null ? {} : { phx_ref_prev: former.meta.phx_ref }),
    };
    const entry: Entry = { step, topic: at.topic, key, meta: { ...this.#copy(at, key, meta), ...refs } };
    const held = this.#tracked.get(at) ?? new Map<string, Entry>();
    if (!this.#bound.has(at)) at.signal.addEventListener("abort", () => this.untrack(at), { once: true });
    this.#bound.add(at);
    this.#tracked.set(at, held.set(key, entry));
    this.#do(this.#state.change(entry, former === null ? [] : [former]));
  }

  /** As clients and other nodes will see it, whatever the app does with its own one later. */
  #copy(at: Presentee, key: string, meta: object): object {
    const text = JSON.stringify(meta) ?? "null";
    if (Buffer.byteLength(key) + Buffer.byteLength(text) > this.#maxEntryBytes) {
      throw this.#misuse(at, key, `is larger than ${this.#maxEntryBytes} bytes`, "too_large");
    }
    const copy: unknown = JSON.parse(text);
    if (typeof copy === "object" && copy !== null && !Array.isArray(copy)) return copy;
    throw this.#misuse(at, key, "has a meta that is no JSON object");
  }

  #misuse(at: Presentee, key: string, what: string, code: ErrorCode = "invalid_usage"): MusubiError {
    return new MusubiError(code, `presence ${JSON.stringify(key.slice(0, 100))} on ${at.topic} ${what}`);
  }

  #do({ diffs, send }: Step): void {
    if (this.#isClosed) return;
    for (const [topic, payload] of diffs) this.#enqueue(topic, payload);
    this.#tell();
    for (const { to, message } of send) this.#send(to, message);
  }

  #enqueue(topic: string, payload: PresenceDiff): void {
    this.#diffs += 1;
    if (!this.#watchers.has(topic)) return;
    this.#queue.push({ topic, number: this.#diffs, broadcast: { event: DIFF, payload, except: null } });
  }

  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let diff = this.#queue.shift(); diff !== undefined; diff = this.#queue.shift()) {
        for (const [ctx, since] of this.#watchers.get(diff.topic) ?? []) {
          // Every context that a channel's code gets is one of these.
          if (diff.number > since) (ctx as LiveContext).relay(diff.broadcast);
        }
      }
    } finally {
      this.#isTelling = false;
    }
  }

  #send(to: string | null, message: NodeMessage): void {
    this.#pubsub.publish(this.#addressOf(to), message);
  }

  #addressOf(node: string | null): string {
    return node === null ? this.#topic : `${this.#topic}:${node}`;
  }

  #schedule(): TimerHandle {
    const timer = this.#clock.setTimeout(() => {
      this.#timer = this.#schedule();
      this.#do(this.#state.beat(this.#clock.now()));
    }, this.#heartbeatMs);
    (timer as { unref?(): void } | undefined)?.unref?.();
    return timer;
  }
}
